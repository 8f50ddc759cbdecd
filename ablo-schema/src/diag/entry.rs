//! The macro that defines the codes and their table.

macro_rules! codes {
    ($($variant:ident = $name:literal, $severity:ident, $title:literal, $meaning:literal,
        $fix:literal;)*) => {
        /// The table entry of one code.
        pub(super) struct Entry {
            pub(super) code: Code,
            pub(super) name: &'static str,
            pub(super) severity: Severity,
            pub(super) title: &'static str,
            pub(super) meaning: &'static str,
            pub(super) fix: &'static str,
        }

        /// A stable diagnostic code, `ablo::<subject>::<problem>`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code {
            $(
                #[doc = $title]
                $variant,
            )*
        }

        pub(super) static TABLE: &[Entry] = &[$(Entry {
            code: Code::$variant,
            name: $name,
            severity: Severity::$severity,
            title: $title,
            meaning: $meaning,
            fix: $fix,
        },)*];
    };
}

pub(super) use codes;
