//! Programs' data, and a walker that writes it on any writer in the order of the format.

use std::collections::{HashMap, VecDeque};

use stillframe_core::reason::Reason;

use crate::call::{Call, Writer};

/// A value of a program.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Scalar(Call),
    /// A scalar of a type of its own.
    Typed(u8, Call),
    List(Option<u8>, Vec<Node>),
    Map(Option<u8>, Vec<(Node, Node)>),
    Object(Option<u8>, Vec<(String, Node)>),
    /// An object of a shape; `None` is a field that it does not have.
    Shaped(u8, Vec<(String, Option<Node>)>),
    /// A container that was opened before.
    Same(u32),
}

#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) flags: u8,
    pub(crate) names: [String; 3],
    pub(crate) variables: Vec<(String, Node)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Exception {
    pub(crate) message: Option<Node>,
    pub(crate) attributes: Vec<(String, Node)>,
    pub(crate) frames: Vec<Frame>,
}

/// How a walker behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manners {
    /// It looks at `is_full` and at what `name` says, and tells what is missing.
    Polite,
    /// It does not, and says nothing.
    Rude,
}

enum Contents<'a> {
    Exception(&'a Exception),
    Frame(&'a Frame),
    Node(&'a Node),
}

struct Walker<'a, W> {
    out: &'a mut W,
    manners: Manners,
    queue: VecDeque<Contents<'a>>,
    opened: u32,
    types: HashMap<u8, u16>,
    /// Calls that are left until the walker stops in the middle of whatever it does.
    calls: usize,
}

/// The container whose contents come next is stopped at; nothing more was written.
struct Stopped;

type Result<T> = std::result::Result<T, Stopped>;

/// Writes everything; the result says whether all groups were written. After `calls` calls it stops where it is.
pub(crate) fn write<W: Writer>(
    out: &mut W,
    exceptions: &[Exception],
    manners: Manners,
    calls: usize,
) -> bool {
    let mut walker = Walker {
        out,
        manners,
        queue: VecDeque::new(),
        opened: 0,
        types: HashMap::new(),
        calls,
    };
    walker.all(exceptions).is_ok()
}

impl<'a, W: Writer> Walker<'a, W> {
    fn all(&mut self, exceptions: &'a [Exception]) -> Result<()> {
        let of = self.type_of(Some(0))?;
        for (index, exception) in exceptions.iter().enumerate() {
            if self.halted() {
                self.gap()?;
                break;
            }
            let link = u8::from(index > 0);
            let parent = index.saturating_sub(1) as u32;
            let call = Call::Exception {
                of,
                link,
                parent,
                message_unknown: exception.message.is_none(),
            };
            self.open(&call, Contents::Exception(exception))?;
        }
        self.call(&Call::EndGroup)?;
        while let Some(contents) = self.queue.pop_front() {
            // One that ignores the budget goes on, but no longer than a test may last.
            if self.halted() {
                return Err(Stopped);
            }
            match contents {
                Contents::Exception(exception) => self.exception(exception)?,
                Contents::Frame(frame) => {
                    self.call(&Call::Section(1))?;
                    self.named(&frame.variables)?;
                }
                Contents::Node(node) => self.contents(node)?,
            }
            self.call(&Call::EndGroup)?;
        }
        Ok(())
    }

    fn exception(&mut self, exception: &'a Exception) -> Result<()> {
        self.call(&Call::Section(4))?;
        self.items(exception.message.iter())?;
        if self.halted() {
            return Ok(());
        }
        self.call(&Call::Section(7))?;
        self.named(&exception.attributes)?;
        if self.halted() {
            return Ok(());
        }
        self.call(&Call::Section(8))?;
        for frame in &exception.frames {
            if self.halted() {
                return self.gap();
            }
            let names = frame.names.each_ref().map(|name| name.as_bytes().to_vec());
            let call = Call::Frame {
                flags: frame.flags,
                location: [7, 0, 1, 9],
                names,
            };
            self.open(&call, Contents::Frame(frame))?;
        }
        Ok(())
    }

    fn contents(&mut self, node: &'a Node) -> Result<()> {
        match node {
            Node::List(_, items) => self.items(items.iter()),
            Node::Map(_, entries) => {
                for (key, value) in entries {
                    if self.halted() {
                        return self.gap();
                    }
                    self.value(key)?;
                    self.value(value)?;
                }
                Ok(())
            }
            Node::Object(_, fields) => self.named(fields),
            Node::Shaped(_, fields) => {
                for (_, value) in fields {
                    if self.halted() {
                        return self.gap();
                    }
                    match value {
                        Some(value) => self.value(value)?,
                        None => drop(self.call(&Call::Absent)?),
                    }
                }
                Ok(())
            }
            Node::Scalar(_) | Node::Typed(..) | Node::Same(_) => Ok(()),
        }
    }

    fn items(&mut self, items: impl Iterator<Item = &'a Node>) -> Result<()> {
        for item in items {
            if self.halted() {
                return self.gap();
            }
            self.value(item)?;
        }
        Ok(())
    }

    fn named(&mut self, fields: &'a [(String, Node)]) -> Result<()> {
        for (name, value) in fields {
            if self.halted() {
                return self.gap();
            }
            // A type is defined before the name, as a walker does that has the value's plan at hand.
            self.defined(value)?;
            if self.call(&Call::Name(name.as_bytes().to_vec()))? == 0
                && self.manners == Manners::Polite
            {
                return self.gap();
            }
            self.value(value)?;
        }
        Ok(())
    }

    fn defined(&mut self, node: &Node) -> Result<()> {
        let of = match node {
            Node::Typed(of, _) | Node::Shaped(of, _) => Some(*of),
            Node::List(of, _) | Node::Map(of, _) | Node::Object(of, _) => *of,
            Node::Scalar(_) | Node::Same(_) => None,
        };
        self.type_of(of).map(|_| ())
    }

    fn value(&mut self, node: &'a Node) -> Result<()> {
        match node {
            Node::Scalar(call) => drop(self.call(call)?),
            Node::Typed(of, call) => {
                let of = self.type_of(Some(*of))?;
                if of != 0 {
                    self.call(&Call::AsType(of))?;
                }
                self.call(call)?;
            }
            Node::List(of, items) => {
                let of = self.type_of(*of)?;
                self.open(
                    &Call::List {
                        of,
                        size: items.len() + 3,
                    },
                    Contents::Node(node),
                )?;
            }
            Node::Map(of, entries) => {
                let of = self.type_of(*of)?;
                self.open(
                    &Call::Map {
                        of,
                        size: entries.len(),
                    },
                    Contents::Node(node),
                )?;
            }
            Node::Object(of, _) => {
                let of = self.type_of(*of)?;
                self.open(&Call::Object(of), Contents::Node(node))?;
            }
            Node::Shaped(of, fields) => {
                let of = self.type_of(Some(*of))?;
                let names = fields.iter().map(|(name, _)| name.clone()).collect();
                let shape = self.call(&Call::DefineShape { of, names })? as i32;
                self.open(&Call::Shaped(shape), Contents::Node(node))?;
            }
            Node::Same(container) => {
                let container = container % (self.opened + 1);
                self.call(&Call::Reference(container))?;
            }
        }
        Ok(())
    }

    fn open(&mut self, call: &Call, contents: Contents<'a>) -> Result<()> {
        let number = self.call(call)?;
        if number != 0 {
            self.opened += 1;
            assert_eq!(number, i64::from(self.opened), "{call:?}");
            self.queue.push_back(contents);
        }
        Ok(())
    }

    fn type_of(&mut self, of: Option<u8>) -> Result<u16> {
        let Some(of) = of else { return Ok(0) };
        if let Some(&number) = self.types.get(&of) {
            return Ok(number);
        }
        let name = format!("shop::{}", "Type".repeat(usize::from(of % 80)));
        let number = self.call(&Call::DefineType(name.into_bytes()))? as u16;
        if number != 0 {
            self.types.insert(of, number);
        }
        Ok(number)
    }

    fn halted(&self) -> bool {
        self.manners == Manners::Polite && self.out.is_full()
    }

    fn gap(&mut self) -> Result<()> {
        let count = u32::MAX;
        self.call(&Call::Gap {
            reason: Reason::Budget as u8,
            count,
        })
        .map(|_| ())
    }

    fn call(&mut self, call: &Call) -> Result<i64> {
        self.calls = self.calls.checked_sub(1).ok_or(Stopped)?;
        Ok(self.out.call(call))
    }
}
