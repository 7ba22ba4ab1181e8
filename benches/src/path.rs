//! One hot path: what is timed, counted and run under callgrind.

/// A piece of work that can be done any number of times.
pub(crate) struct Path {
    /// For the command line and the recorded bounds.
    pub(crate) name: &'static str,
    /// The stage, as the documentation calls it.
    pub(crate) stage: &'static str,
    /// For people.
    pub(crate) title: &'static str,
    /// Of what the figure is told.
    pub(crate) unit: &'static str,
    /// How many of these one operation does: values of a snapshot, for instance.
    pub(crate) per_operation: f64,
    /// `("most", x)` or `("least", x)`, in the unit.
    pub(crate) target: Option<(&'static str, f64)>,
    /// Another path of the same run, by its name, that it is compared to.
    pub(crate) against: Option<&'static str>,
    /// What is to be told beside the row.
    pub(crate) note: Option<String>,
    /// Whether it is timed on cold caches as well.
    pub(crate) cold: bool,
    /// Whether instructions and allocations are counted: not where a file system or another's library does most of the work.
    pub(crate) counted: bool,
    work: Box<dyn FnMut(u32)>,
}

impl Path {
    /// A path without target, timed hot only. `work` does the operation as often as it is told.
    pub(crate) fn new(
        name: &'static str,
        stage: &'static str,
        title: &'static str,
        work: impl FnMut(u32) + 'static,
    ) -> Self {
        Self {
            name,
            stage,
            title,
            unit: "ns",
            per_operation: 1.0,
            target: None,
            against: None,
            note: None,
            cold: false,
            counted: true,
            work: Box::new(work),
        }
    }

    pub(crate) fn per(mut self, unit: &'static str, per_operation: f64) -> Self {
        (self.unit, self.per_operation) = (unit, per_operation);
        self
    }

    pub(crate) fn at_most(mut self, figure: f64) -> Self {
        self.target = Some(("most", figure));
        self
    }

    pub(crate) fn at_least(mut self, figure: f64) -> Self {
        self.target = Some(("least", figure));
        self
    }

    pub(crate) fn against(mut self, path: &'static str) -> Self {
        self.against = Some(path);
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    pub(crate) fn and_cold(mut self) -> Self {
        self.cold = true;
        self
    }

    pub(crate) fn timed_only(mut self) -> Self {
        self.counted = false;
        self
    }

    pub(crate) fn run(&mut self, operations: u32) {
        (self.work)(operations);
    }

    /// Until buffers have grown and tables are filled.
    pub(crate) fn warm_up(&mut self) {
        self.run(20);
    }

    /// The figure in the path's unit for the time of one operation.
    pub(crate) fn figure(&self, nanos: f64) -> f64 {
        match self.unit {
            "us" => nanos / 1e3,
            "ms" => nanos / 1e6,
            "per second" => 1e9 / nanos * self.per_operation,
            _ => nanos / self.per_operation,
        }
    }
}
