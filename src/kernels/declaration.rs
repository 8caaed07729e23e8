//! The declaration of a kernel, from which its parameter struct, the words of its uniform buffer, its binding table, the
//! sizes that it needs and the call of its twin follow.

use super::layout::{Extent, Field, Kernel, Need, View};
use super::specialisation::Specialisation;
use super::variant::{Variant, Way};

/// Finds the view through which a call sees one of its buffers.
pub type ViewOf<P> = fn(&mut P) -> &mut View;

/// What follows from the declaration of a kernel with these parameters.
pub trait Declared: Copy + std::fmt::Debug + 'static {
    /// The kernel.
    const KERNEL: Kernel;

    /// The fields of the shader's parameter struct.
    const FIELDS: &'static [Field];

    /// Of each buffer in binding order, where its view stands, if it has one.
    const VIEWS: &'static [Option<ViewOf<Self>>];

    /// The uniform buffer's bytes: the fields one behind the other, filled up to a multiple of 16.
    fn bytes(&self) -> Vec<u8>;

    /// The parameters that these bytes of a uniform buffer are; none if there are too few.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;

    /// What the call needs of each buffer in binding order.
    fn needs(&self) -> Vec<Need>;

    /// All extents among the fields.
    fn extents(&self) -> Vec<Extent>;
}

/// What a kernel's file says beside the declaration.
pub trait KernelParams: Declared {
    /// How it can be run on a GPU. The first needs nothing and runs every call; of several that suit a call on a
    /// kind of device, the last one runs unless a measurement says otherwise.
    const VARIANTS: &'static [Variant<Self>];

    /// Calls as a network has them, one for each text that the shader is specialised to: what tests and
    /// `asma shaders` go through.
    fn samples() -> Vec<Self>;

    /// What is wrong with these parameters, whatever the buffers are.
    ///
    /// # Errors
    /// With words that say it.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// A read buffer whose words are indices, and the buffer that they count in, both by their place in binding
    /// order: the words must be fixed, and each inside.
    fn indices() -> Option<[usize; 2]> {
        None
    }

    /// What a call computes, apart from where its tensors lie: calls for which this is equal take equally long.
    fn work(&self) -> String {
        Self::KERNEL.entry_point.into()
    }

    /// Floating-point operations of the call; 0 where memory traffic is all that counts.
    fn flops(&self) -> u64 {
        0
    }

    /// The elements that a call cannot do without moving, of each buffer in binding order: what it reads and what it
    /// writes, each once.
    fn elements_moved(&self) -> Vec<u64> {
        self.needs().iter().map(Need::moved).collect()
    }

    /// The ways to run this call on a device that `specialisation` describes, in the order of the variants.
    fn ways(&self, kernel: &'static Kernel, specialisation: &Specialisation) -> Vec<Way> {
        let variants = Self::VARIANTS.iter();
        variants
            .filter_map(|variant| variant.way(kernel, self, specialisation))
            .collect()
    }
}

/// Declares a kernel. After the names of its shader and entry point stand the fields of the parameter struct in the order
/// of the shader's, then the buffers in binding order, each with the kind of its elements and the region that a call
/// uses: `view(V, E)` for a tensor of the extent in field `E` seen through the view in field `V`, or
/// `first(|call| N)` for the first N elements; then, where it applies, `when(|call| …)` for a buffer that not every
/// call takes, and `also_read(|call| …)` for one that is read before it is written.
macro_rules! kernel {
    (
        $name:literal, $entry_point:literal;
        parameters { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }
        reads { $($read:ident: $read_kind:ident $(, $read_word:ident $read_argument:tt)+;)* }
        writes { $($write:ident: $write_kind:ident $(, $write_word:ident $write_argument:tt)+;)* }
    ) => {
        /// Parameters, in the order of the shader's uniform.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct Params {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $crate::kernels::Declared for Params {
            const KERNEL: $crate::kernels::Kernel = $crate::kernels::Kernel {
                name: $name,
                entry_point: $entry_point,
                reads: &[$($crate::kernels::Binding {
                    name: stringify!($read),
                    kind: $crate::kernels::Kind::$read_kind,
                }),*],
                writes: &[$($crate::kernels::Binding {
                    name: stringify!($write),
                    kind: $crate::kernels::Kind::$write_kind,
                }),*],
            };

            const FIELDS: &'static [$crate::kernels::Field] = &{
                use $crate::kernels::layout::FieldType;
                let mut fields = [$($crate::kernels::Field {
                    name: stringify!($field),
                    offset: 0,
                    length: size_of::<$type>(),
                    wgsl: <$type as FieldType>::WGSL,
                }),*];
                let mut index = 1;
                while index < fields.len() {
                    fields[index].offset = fields[index - 1].offset + fields[index - 1].length;
                    index += 1;
                }
                fields
            };

            const VIEWS: &'static [Option<$crate::kernels::ViewOf<Self>>] = &[
                $($crate::kernels::declaration::view_of!($($read_word $read_argument)+),)*
                $($crate::kernels::declaration::view_of!($($write_word $write_argument)+),)*
            ];

            fn bytes(&self) -> Vec<u8> {
                let mut bytes = Vec::new();
                $(bytes.extend_from_slice(bytemuck::bytes_of(&self.$field));)*
                bytes.resize(bytes.len().next_multiple_of(16), 0);
                bytes
            }

            fn from_bytes(bytes: &[u8]) -> Option<Self> {
                let mut rest = bytes;
                let mut next = |length| {
                    let (field, after) = rest.split_at_checked(length)?;
                    rest = after;
                    Some(field)
                };
                Some(Params {
                    $($field: bytemuck::pod_read_unaligned(next(size_of::<$type>())?),)*
                })
            }

            fn needs(&self) -> Vec<$crate::kernels::Need> {
                vec![
                    $($crate::kernels::declaration::need!(self $($read_word $read_argument)+),)*
                    $($crate::kernels::declaration::need!(self $($write_word $write_argument)+),)*
                ]
            }

            fn extents(&self) -> Vec<$crate::kernels::Extent> {
                let mut extents = Vec::new();
                $(extents.extend((&self.$field as &dyn std::any::Any).downcast_ref::<$crate::kernels::Extent>());)*
                extents
            }
        }

        /// Calls `twin` with the buffers in binding order, as slices of their elements; one that the call does not take
        /// is empty. False if there are more or fewer of them than the kernel takes.
        pub(crate) fn call_twin(
            params: &Params,
            reads: &[&[f32]],
            writes: &mut [&mut [f32]],
            twin: impl FnOnce(
                &Params,
                $(&[$crate::kernels::declaration::element!($read_kind)],)*
                $(&mut [$crate::kernels::declaration::element!($write_kind)],)*
            ),
        ) -> bool {
            let ([$($read),*], [$($write),*]) = (reads, writes) else {
                return false;
            };
            twin(
                params,
                $($crate::kernels::declaration::read_as!($read_kind $read),)*
                $($crate::kernels::declaration::write_as!($write_kind $write),)*
            );
            true
        }
    };
}
pub(super) use kernel;

/// What a call needs of a buffer, from the words of a declaration.
macro_rules! need {
    ($params:ident view($view:ident, $extent:ident) $($word:ident($of:expr))*) => {
        $crate::kernels::Need::tensor($params.$view, $params.$extent)
            $(.$word($crate::kernels::declaration::of::<Self, bool>($of, $params)))*
    };
    ($params:ident first($elements:expr) $($word:ident($of:expr))*) => {
        $crate::kernels::Need::first($crate::kernels::declaration::of::<Self, u64>($elements, $params))
            $(.$word($crate::kernels::declaration::of::<Self, bool>($of, $params)))*
    };
}
pub(super) use need;

/// Where the view of a buffer stands, from the words of a declaration.
macro_rules! view_of {
    (view($view:ident, $extent:ident) $($rest:tt)*) => {
        Some(|params: &mut Params| &mut params.$view)
    };
    (first $($rest:tt)*) => {
        None
    };
}
pub(super) use view_of;

/// The type of an element on the CPU.
macro_rules! element {
    (Word) => {
        u32
    };
    ($kind:ident) => {
        f32
    };
}
pub(super) use element;

/// A read slice as one of its elements.
macro_rules! read_as {
    (Word $slice:ident) => {
        bytemuck::cast_slice($slice)
    };
    ($kind:ident $slice:ident) => {
        $slice
    };
}
pub(super) use read_as;

/// A written slice as one of its elements.
macro_rules! write_as {
    (Word $slice:ident) => {
        bytemuck::cast_slice_mut($slice)
    };
    ($kind:ident $slice:ident) => {
        $slice
    };
}
pub(super) use write_as;

/// Calls a function of a declaration, whose closures this lets leave out the types.
pub(super) fn of<P, T>(function: impl FnOnce(&P) -> T, params: &P) -> T {
    function(params)
}
