//! The language of the program that an exception comes from.

/// Host language, as the tape's header and the snapshot's `runtime.language` carry it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Language {
    /// Not told.
    #[default]
    Unknown = 0,
    /// CPython.
    Python = 1,
    /// The JVM.
    Java = 2,
    /// .NET.
    Dotnet = 3,
    /// C and C++.
    Native = 4,
}

impl Language {
    /// The language of a code in a tape's header.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Unknown,
            1 => Self::Python,
            2 => Self::Java,
            3 => Self::Dotnet,
            4 => Self::Native,
            _ => return None,
        })
    }

    /// The word in a snapshot's `runtime.language`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Python => "python",
            Self::Java => "java",
            Self::Dotnet => "dotnet",
            Self::Native => "native",
        }
    }

    /// The reverse of [`Language::as_str`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Unknown,
            Self::Python,
            Self::Java,
            Self::Dotnet,
            Self::Native,
        ]
        .into_iter()
        .find(|language| language.as_str() == name)
    }
}
