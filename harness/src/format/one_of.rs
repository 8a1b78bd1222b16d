//! Enums of shapes that all do the same things.

/// An enum of shapes. Each shape is in a module of its own, with its keys and all that is done with
/// it: it implements the trait `$kind`, and the enum is used as that trait. A line here is all that
/// registers it: `Key(module::Shape)`. A field reads it by `keyed`.
macro_rules! one_of {
    (
        $(#[$meta:meta])*
        pub enum $name:ident: $kind:ident {
            $($(#[$doc:meta])* $variant:ident($(#[$read:meta])* $shape:ty),)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "camelCase")]
        pub(crate) enum $name {
            $($(#[$doc])* $variant($(#[$read])* $shape),)*
        }

        impl std::ops::Deref for $name {
            type Target = dyn $kind;

            fn deref(&self) -> &(dyn $kind + 'static) {
                match self {
                    $(Self::$variant(shape) => shape,)*
                }
            }
        }
    };
}

pub(crate) use one_of;
