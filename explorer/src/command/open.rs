//! Finding and opening the store that a command means.

use std::path::PathBuf;

use stillframe_core::config::{Config, ConfigProblem, Sources, load};

use super::StoreArgs;
use super::failure::Failure;
use super::output::Output;
use crate::render::{Line, Page, Style, Terminal};
use crate::store::{Choice, Notice, Place, Store, locate};

/// The configuration that holds here, and what is wrong with it.
pub(super) fn configuration() -> (Config, Vec<ConfigProblem>) {
    load(&Sources::of_process(std::collections::BTreeMap::new()))
}

/// A store, or the place where one would be.
pub(super) struct Opened {
    pub(super) place: Place,
    pub(super) store: Option<Store>,
    /// The service to filter by: in a store of its own directory, every service may write.
    pub(super) service: Option<String>,
}

impl Opened {
    /// What to call the store.
    pub(super) fn label(&self) -> String {
        let name = self
            .place
            .dir
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        self.service
            .clone()
            .or(name)
            .unwrap_or_else(|| self.place.dir.display().to_string())
    }
}

/// Opens the store, and says what a person should know of how that went.
pub(super) fn open(args: &StoreArgs, config: &Config, output: &Output) -> Result<Opened, Failure> {
    let mut notices = Vec::new();
    let choice = Choice {
        dir: args.dir.clone(),
        service: args.service.clone(),
    };
    let place = locate(&choice, config, &mut notices)?;
    let mut progress = output.progress();
    let store = Store::open(&place.dir, &mut progress)?;
    drop(progress);
    let own = store.iter().flat_map(Store::notices);
    notices
        .iter()
        .chain(own)
        .map(Notice::to_string)
        .for_each(|notice| output.remark(&notice));
    Ok(Opened {
        place,
        store,
        service: args.service.clone(),
    })
}

/// What to say where nothing was captured yet.
pub(super) fn nothing_yet(place: &Place, terminal: &Terminal) -> String {
    let mut page = Page::new(terminal);
    page.line(Line::of(
        Style::Plain,
        "Nothing has been captured yet. To begin:",
    ));
    page.gap();
    for command in ["stillframe run app.py", "stillframe show latest"] {
        page.line(Line::of(Style::Id, &format!("    {command}")));
    }
    page.gap();
    let service = "A service captures by itself with STILLFRAME_ENABLED=1, or import stillframe; stillframe.install().";
    page.wrapped(Line::of(Style::Plain, service), 0);
    page.wrapped(
        Line::of(Style::Dim, &format!("Looked in {}", tilde(&place.dir))),
        2,
    );
    page.render()
}

/// A path with the home folder as `~`.
pub(super) fn tilde(path: &std::path::Path) -> String {
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .filter(|home| home.is_absolute());
    match home.as_ref().and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}
