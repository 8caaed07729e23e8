//! Settings that are one of several words.

/// Declares an enum whose values have names on the command line and in results.
macro_rules! choices {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $text)] $variant),* }

        impl $name {
            /// The names of all of them.
            pub const WORDS: &'static [&'static str] = &[$($text),*];
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $($name::$variant => $text),* })
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::error::Error;

            fn from_str(text: &str) -> $crate::error::Result<Self> {
                match text {
                    $($text => Ok($name::$variant),)*
                    other => Err($crate::error::Error::Usage(format!(
                        concat!($what, " `{}` is unknown; want one of: {}"),
                        other,
                        $name::WORDS.join(", ")
                    ))),
                }
            }
        }
    };
}
pub(super) use choices;
