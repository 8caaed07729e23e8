//! The functions that are applied to each number by itself. One more is one line in the list below: its value and its
//! derivative are each one expression, which is Rust for the twin and, by its text, WGSL for the shader.

/// Hands the list of all functions to the macro named. After the names of the argument and of the two settings stand, of
/// each function, its number in the shader, its name, where its settings stand, its value and its derivative at `x`. The
/// functions that they call stand with the same names in `src/cpu/elementary.rs` and `shaders/shared/elementary.wgsl`.
macro_rules! for_each_function {
    ($macro:ident) => {
        $macro! {
            x, a, b;
            /// The nearest number of `low..=high`, either of which may be infinite. Its derivative is 0 at the bounds
            /// too, as that of ReLU is at 0.
            0, Clip { low: a, high: b }, min(max(x, a), b), select(0.0, 1.0, (x > a) && (x < b));
            /// `alpha · x + beta`, clipped to [0, 1].
            1, HardSigmoid { alpha: a, beta: b }, min(max(a * x + b, 0.0), 1.0),
                select(0.0, a, (a * x + b > 0.0) && (a * x + b < 1.0));
            /// `x` times x/6 + ½ clipped to [0, 1].
            2, HardSwish, x * min(max(x / 6.0 + 0.5, 0.0), 1.0),
                select(select(1.0, x / 3.0 + 0.5, x < 3.0), 0.0, x <= -3.0);
            /// `x / (1 + e^(−x))`.
            3, Silu, x * sigmoid(x), sigmoid(x) * (1.0 + x * sigmoid(-x));
            /// `x` times the share of a normal distribution that lies below it.
            4, Gelu, x * normal_share(x), normal_share(x) + x * 0.3989423 * bell(x);
            /// The same with the hyperbolic tangent of a cubic for that share (Hendrycks and Gimpel, 2016).
            5, GeluTanh, x * sigmoid(gelu_cubic(x)),
                sigmoid(gelu_cubic(x))
                    + x * (gelu_cubic_slope(x) * sigmoid(gelu_cubic(x)) * sigmoid(-gelu_cubic(x)));
            /// Hyperbolic tangent.
            6, Tanh, hyperbolic_tangent(x), 4.0 * sigmoid(2.0 * x) * sigmoid(-2.0 * x);
            /// `ln(1 + e^x)`.
            7, Softplus, softplus(x), sigmoid(x);
            /// The logistic function `1 / (1 + e^(−x))`.
            8, Sigmoid, sigmoid(x), sigmoid(x) * sigmoid(-x);
            /// `x` above 0, `alpha · (e^x − 1)` below (Clevert, Unterthiner and Hochreiter, 2016).
            9, Elu { alpha: a }, select(a * (exponential(min(x, 0.0)) - 1.0), x, x > 0.0),
                select(a * exponential(min(x, 0.0)), 1.0, x > 0.0);
            /// `e^x`.
            10, Exp, exponential(x), exponential(x);
            /// Square root.
            11, Sqrt, sqrt(x), 0.5 / sqrt(x);
            /// Magnitude. Its derivative at 0 is 0.
            12, Abs, abs(x), sign(x);
            /// `1 / x`.
            13, Reciprocal, 1.0 / x, -1.0 / (x * x);
            /// `−x`.
            14, Negate, -x, -1.0;
            /// `x` to the power of `exponent`, a multiple of ½ from −16 to 16.
            15, Power { exponent: a }, power(x, a), select(a * power(x, a - 1.0), 0.0, a == 0.0);
            /// Natural logarithm.
            16, Log, logarithm(x), 1.0 / x;
            /// Error function.
            17, Erf, error_function(x), error_function_slope(x);
            /// `x · tanh(ln(1 + e^x))`.
            18, Mish, x * hyperbolic_tangent(softplus(x)),
                hyperbolic_tangent(softplus(x))
                    + x * (sigmoid(x) * 4.0 * sigmoid(2.0 * softplus(x)) * sigmoid(-2.0 * softplus(x)));
            /// `x / (1 + |x|)`.
            19, Softsign, x / (1.0 + abs(x)), (1.0 / (1.0 + abs(x))) * (1.0 / (1.0 + abs(x)));
        }
    };
}
pub(crate) use for_each_function;

macro_rules! functions {
    ($x:ident, $a:ident, $b:ident; $(
        $(#[$doc:meta])* $number:literal, $name:ident $({ $($field:ident: $slot:ident),* })?, $value:expr, $slope:expr;
    )*) => {
        /// A function that is applied to each number by itself.
        #[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub enum Function {
            $(
                $(#[$doc])*
                $name $({ $(
                    #[doc = concat!("The setting `", stringify!($field), "`.")]
                    $field: f32
                ),* })?
            ),*
        }

        impl Function {
            /// What it is called.
            pub fn name(&self) -> &'static str {
                match self { $(Function::$name { .. } => stringify!($name)),* }
            }

            /// Its number in the shader.
            pub fn number(&self) -> u32 {
                match self { $(Function::$name { .. } => $number),* }
            }

            /// Its two settings; 0 for one that it has not.
            pub fn settings(&self) -> [f32; 2] {
                let ($a, $b) = (0.0, 0.0);
                match *self { $(Function::$name { $($($field: $slot),*)? } => [$a, $b]),* }
            }

            /// The numbers of all of them.
            pub(super) fn numbers() -> &'static [u32] {
                &[$($number),*]
            }
        }
    };
}
for_each_function!(functions);

impl Function {
    /// What is wrong with its settings.
    ///
    /// # Errors
    /// With words that stand after the layer's name.
    pub(crate) fn check(&self) -> Result<(), String> {
        match *self {
            Function::Clip { low, high } if low > high || low.is_nan() || high.is_nan() => {
                Err(format!("clips to {low}..={high}; want the lower bound first"))
            }
            Function::HardSigmoid { alpha, beta } if !(alpha.is_finite() && beta.is_finite()) => Err(
                format!("has an alpha of {alpha} and a beta of {beta}; want finite ones"),
            ),
            Function::Elu { alpha } if !(alpha > 0.0 && alpha.is_finite()) => {
                Err(format!("has an alpha of {alpha}; want a finite one above 0"))
            }
            Function::Power { exponent } if !is_safe_exponent(exponent) => Err(format!(
                "has an exponent of {exponent}; want a multiple of ½ from -{MOST_EXPONENT} to {MOST_EXPONENT}, which \
                 every device computes alike"
            )),
            _ => Ok(()),
        }
    }
}

/// Largest magnitude of an exponent.
const MOST_EXPONENT: f32 = 16.0;

/// Whether a power is made of products and a square root.
fn is_safe_exponent(exponent: f32) -> bool {
    exponent.abs() <= MOST_EXPONENT && (2.0 * exponent).fract() == 0.0
}

/// The text of a function of `x` in WGSL that gives the value of each function of the list.
macro_rules! value_text {
    ($x:ident, $a:ident, $b:ident; $(
        $(#[$doc:meta])* $number:literal, $name:ident $({ $($field:ident: $slot:ident),* })?, $value:expr, $slope:expr;
    )*) => {
        concat!(
            "fn function_value(x: f32, a: f32, b: f32) -> f32 {\n    switch FUNCTION {\n",
            $("        case ", $number, "u: { return ", stringify!($value), "; }\n",)*
            "        default: { return x; }\n    }\n}\n"
        )
    };
}
pub(super) use value_text;

/// The same of the derivatives.
macro_rules! slope_text {
    ($x:ident, $a:ident, $b:ident; $(
        $(#[$doc:meta])* $number:literal, $name:ident $({ $($field:ident: $slot:ident),* })?, $value:expr, $slope:expr;
    )*) => {
        concat!(
            "fn function_slope(x: f32, a: f32, b: f32) -> f32 {\n    switch FUNCTION {\n",
            $("        case ", $number, "u: { return ", stringify!($slope), "; }\n",)*
            "        default: { return 1.0; }\n    }\n}\n"
        )
    };
}
pub(super) use slope_text;
