//! What an attack with a budget can be told.

use crate::attack::Purpose;
use crate::attack::choices::choices;
use crate::error::{Error, Result};
use crate::kernels::objective;
use crate::network::Precision;
use crate::tensor::Tensor;

choices! {
    /// The loss that is stepped up, targeted down. See [`kernels::objective`](crate::kernels::objective) for each one's formula.
    Loss, "loss" {
        /// Cross-entropy.
        CrossEntropy = "ce",
        /// SegPGD's, which weighs pixels by whether the attack has got through, more and more alike.
        SegPgd = "segpgd",
        /// CosPGD's, which weighs pixels by the cosine of probabilities and label.
        CosPgd = "cospgd",
        /// Cross-entropy of the pixels where the attack has not got through.
        MaskedCrossEntropy = "mask-ce-avg",
        /// The same, classes weighted.
        WeightedCrossEntropy = "mask-ce-bal",
        /// Jensen-Shannon divergence of probabilities and label.
        JensenShannon = "js-avg",
        /// Tsallis' cross-entropy, q from −2 to 1.
        Tsallis = "tsallis",
        /// Cosine of the logits with the label's axis.
        Cosine = "cos",
        /// Difference of the label's logit and the largest other one.
        Difference = "dl",
        /// The same over the logits' distances; of fewer classes than it needs the plain difference.
        Ratio = "dlr",
        /// The same where it has the wrong sign.
        Dense = "dag",
    }
}

choices! {
    /// How far from the source is measured.
    Norm, "norm" {
        /// By the largest difference of a value.
        Linf = "linf",
        /// By the root of the sum of squares over all values.
        L2 = "l2",
    }
}

choices! {
    /// How a gradient becomes a step.
    Rule, "rule" {
        /// Its signs (L∞), or itself over its length (L2).
        Steepest = "steepest",
        /// The same with momentum, and steps halved where they do not pay (APGD).
        Momentum = "momentum",
        /// AMSGrad's.
        Adam = "adam",
        /// Itself over its largest value, without a budget (DAG).
        Largest = "largest",
    }
}

choices! {
    /// Which image comes out.
    Keep, "image to keep" {
        /// Of all iterations that in which the attack got most pixels right, of equal ones the last.
        Best = "best",
        /// The last; of several phases the best of their last ones.
        Last = "last",
    }
}

choices! {
    /// What is asked for of the prediction.
    Rate, "rate" {
        /// The share of the labelled pixels that are as the attack wants them.
        Pixels = "pixels",
        /// The IoU with the target.
        Iou = "iou",
    }
}

/// How the least budget is found that gets through.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Minimise {
    /// The rate at which the attack has got through.
    pub rate: f32,
    /// How often the budget is halved between what failed and what did not, the first full one counted.
    pub rounds: u32,
}

/// The settings of an attack with a budget. [`BudgetConfig::default`] is PGD; [`table`](crate::attack::table) has the others.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct BudgetConfig {
    /// The name that the attack goes by.
    pub attack: &'static str,
    /// What is stepped up.
    pub loss: Loss,
    /// How.
    pub rule: Rule,
    /// How far from the source is measured.
    pub norm: Norm,
    /// How far the image may go from the source, in units of pixel values; of [`Rule::Largest`] nothing.
    pub eps: f32,
    /// The length of a step. Of [`Rule::Momentum`] the first of each phase.
    pub alpha: f32,
    /// Steps of each start.
    pub steps: u32,
    /// Whether the steps are parted into three phases with budgets of 2, 1.5 and 1 times `eps`, in shares of 0.3, 0.3 and
    /// 0.4, each from the best image of the one before (SEA).
    pub shrinking: bool,
    /// How often the attack begins; more than once only at random.
    pub restarts: u32,
    /// Whether it begins at noise within the budget instead of the source.
    pub random_start: bool,
    /// What the noise follows from.
    pub seed: u32,
    /// What it is after.
    pub purpose: Purpose,
    /// Which image comes out.
    pub keep: Keep,
    /// Stop once the rate is this.
    pub stop_rate: Option<f32>,
    /// What the rate is that `stop_rate` and `minimise` ask for.
    pub rate: Rate,
    /// Find the least budget up to `eps`.
    pub minimise: Option<Minimise>,
    /// A weight for each class, of [`Loss::WeightedCrossEntropy`].
    pub class_weights: Option<Vec<f32>>,
    /// As the published code does it where that is wrong: of SEA the first accuracy of a phase counts pixels without a label
    /// as misses, and its first loss is compared with 0; of DAG what is clipped is not forgotten.
    pub published: bool,
    /// How the network's values are stored; image, logits and gradient are float32.
    #[serde(skip)]
    pub precision: Precision,
}

impl Default for BudgetConfig {
    fn default() -> Self {
        BudgetConfig {
            attack: "pgd",
            loss: Loss::CrossEntropy,
            rule: Rule::Steepest,
            norm: Norm::Linf,
            eps: 8.0 / 255.0,
            alpha: 2.0 / 255.0,
            steps: 40,
            shrinking: false,
            restarts: 1,
            random_start: false,
            seed: 0,
            purpose: Purpose::Targeted,
            keep: Keep::Best,
            stop_rate: None,
            rate: Rate::Pixels,
            minimise: None,
            class_weights: None,
            published: false,
            precision: Precision::F32,
        }
    }
}

/// The longest budget or step, whose square float32 still holds beside that of a gradient.
const LARGEST_LENGTH: f32 = 1e6;

impl BudgetConfig {
    /// The same within another budget, with steps in proportion to it, unless they have none.
    pub fn with_eps(self, eps: f32) -> BudgetConfig {
        // Once or twice the budget stays so to the last bit.
        let alpha = match self.rule {
            Rule::Largest => self.alpha,
            Rule::Steepest | Rule::Momentum | Rule::Adam => {
                (f64::from(self.alpha) * f64::from(eps) / f64::from(self.eps)) as f32
            }
        };
        BudgetConfig { eps, alpha, ..self }
    }

    /// Iterations: the steps of all phases, and one for each that only looks at where they led.
    pub fn iterations(&self) -> u32 {
        iterations(self).min(u32::MAX.into()) as u32
    }

    /// The most that any value may differ from the source's, if it is bounded so.
    pub fn cap(&self) -> Option<f32> {
        (self.norm == Norm::Linf && self.rule != Rule::Largest).then_some(self.eps)
    }

    /// An image within the budget, as near to this one as it goes: what an attack that shrinks its budget by itself has come to
    /// when it is interrupted may lie in a wider one.
    pub(crate) fn brought_within(&self, source: &Tensor, image: &Tensor) -> Tensor {
        let mut within = image.clone();
        let pairs = within.data_mut().iter_mut().zip(source.data());
        match self.norm {
            _ if self.rule == Rule::Largest => {}
            Norm::Linf => pairs.for_each(|(value, origin)| {
                *value = value.clamp(origin - self.eps, origin + self.eps).clamp(0.0, 1.0);
            }),
            Norm::L2 => {
                let differences = image
                    .data()
                    .iter()
                    .zip(source.data())
                    .map(|(a, b)| f64::from(a - b));
                let length = differences
                    .map(|difference| difference * difference)
                    .sum::<f64>()
                    .sqrt();
                let factor = (f64::from(self.eps) / length).min(1.0) as f32;
                pairs.for_each(|(value, origin)| *value = origin + factor * (*value - origin));
            }
        }
        within
    }

    /// The loss that a network with so many channels of logits has: ratios of logits need three classes, targeted four, and
    /// of one channel, which stands for the logits −z and z, the cosine never changes.
    pub fn loss_of(&self, channels: usize) -> Loss {
        let least = match (self.loss, self.purpose) {
            (Loss::Ratio, Purpose::Targeted) => 4,
            (Loss::Ratio, Purpose::Untargeted) => 3,
            (Loss::Cosine, _) => 2,
            _ => 1,
        };
        match channels < least {
            true => Loss::Difference,
            false => self.loss,
        }
    }

    /// What is likely not meant, in one line each, for a network with so many channels of logits.
    pub fn notes(&self, channels: usize) -> Vec<String> {
        let mut notes = Vec::new();
        let loss = self.loss_of(channels);
        if loss != self.loss {
            notes.push(format!(
                "the loss `{}` cannot be of {channels} channels of logits; the plain difference of logits is taken, `{loss}`",
                self.loss
            ));
        }
        if self.rule != Rule::Largest && self.alpha > 2.0 * self.eps {
            notes.push(format!(
                "a step of {} is more than twice the budget of {}: each leads from one end of it to the other",
                self.alpha, self.eps
            ));
        }
        if self.class_weights.is_some() && self.attack != "sea" && self.loss != Loss::WeightedCrossEntropy {
            notes.push(format!(
                "weights of classes are of the loss `{}` alone, and this one is `{}`",
                Loss::WeightedCrossEntropy,
                self.loss
            ));
        }
        if self.published && !matches!(self.rule, Rule::Momentum | Rule::Largest) {
            notes.push(format!(
                "{} is as published by itself; `published` changes nothing",
                self.attack
            ));
        }
        notes
    }

    /// Checks the settings for a network with `class_count` classes.
    ///
    /// # Errors
    /// [`Error::Usage`] with the first setting that cannot be, what was found and what is wanted.
    pub fn check(&self, class_count: usize) -> Result<()> {
        let usage = |problem: String| Err(Error::Usage(problem));
        let most = match self.norm {
            Norm::Linf => 1.0,
            Norm::L2 => LARGEST_LENGTH,
        };
        if self.rule != Rule::Largest && !(self.eps > 0.0 && self.eps <= most) {
            let wanted = match self.norm {
                Norm::Linf => "more than 0 and at most 1, such as 8/255",
                Norm::L2 => "more than 0 and at most 1000000, such as 0.5",
            };
            return usage(format!("eps is {}; want {wanted}", self.eps));
        }
        if !(self.alpha > 0.0 && self.alpha <= LARGEST_LENGTH) {
            return usage(format!(
                "alpha is {}; want more than 0 and at most 1000000, such as 2/255",
                self.alpha
            ));
        }
        if self.steps == 0 {
            return usage("0 steps; want at least 1".into());
        }
        if self.restarts == 0 {
            return usage("0 restarts; want at least 1".into());
        }
        if self.restarts > 1 && !self.random_start {
            return usage(format!(
                "{} restarts, all from the source, would do the same; begin at random",
                self.restarts
            ));
        }
        if self.rule == Rule::Largest && (self.random_start || self.minimise.is_some()) {
            return usage("this attack has no budget, so none to begin in at random or to minimise".into());
        }
        if self.rate == Rate::Iou && self.purpose == Purpose::Untargeted {
            return usage(
                "an untargeted attack has no target to reach an IoU with; ask for a share of the pixels"
                    .into(),
            );
        }
        if self.rule == Rule::Adam && self.norm == Norm::L2 {
            return usage(
                "this attack measures by the largest difference alone; take `norm=linf` (or \
                 `minimise=linf`)"
                    .into(),
            );
        }
        // Three tenths of them are the first phase.
        if self.shrinking && self.steps < 4 {
            return usage(format!("{} steps for three phases; want at least 4", self.steps));
        }
        if self.shrinking && self.minimise.is_some() {
            return usage("an attack that shrinks its budget by itself cannot be minimised".into());
        }
        let rates = [self.stop_rate, self.minimise.map(|minimise| minimise.rate)];
        if let Some(rate) = rates
            .into_iter()
            .flatten()
            .find(|rate| !(*rate > 0.0 && *rate <= 1.0))
        {
            return usage(format!(
                "the rate to reach is {rate}; want more than 0 and at most 1, such as 0.99"
            ));
        }
        if self.minimise.is_some_and(|minimise| minimise.rounds == 0) {
            return usage("0 rounds of bisection; want at least 1".into());
        }
        let iterations = iterations(self);
        if iterations > MOST_ITERATIONS {
            return usage(format!(
                "{iterations} iterations in all; want at most {}, by fewer steps, restarts or rounds",
                MOST_ITERATIONS
            ));
        }
        if !(2..=255).contains(&class_count) {
            return usage(format!("the network has {class_count} classes; want 2 to 255"));
        }
        match (&self.class_weights, self.loss) {
            (None, Loss::WeightedCrossEntropy) => usage(format!(
                "the loss `{}` needs a weight for each class, such as one over its share of the pixels",
                self.loss
            )),
            (Some(weights), _) if weights.len() != class_count => usage(format!(
                "{} weights of classes; the network has {class_count} classes",
                weights.len()
            )),
            (Some(weights), _) => match weights
                .iter()
                .find(|weight| !(weight.is_finite() && **weight >= 0.0))
            {
                Some(weight) => usage(format!(
                    "a class has the weight {weight}; want numbers of 0 and more"
                )),
                None if weights.iter().all(|&weight| weight == 0.0) => {
                    usage("all classes have the weight 0; want one above it for those that count".into())
                }
                None => Ok(()),
            },
            (None, _) => Ok(()),
        }
    }

    /// The number that the kernels know the loss by.
    pub(super) fn objective(&self, channels: usize) -> u32 {
        match self.loss_of(channels) {
            Loss::CrossEntropy => objective::CROSS_ENTROPY,
            Loss::SegPgd => objective::SEG_PGD,
            Loss::CosPgd => objective::COS_PGD,
            Loss::MaskedCrossEntropy => objective::MASKED_CROSS_ENTROPY,
            Loss::WeightedCrossEntropy => objective::WEIGHTED_CROSS_ENTROPY,
            Loss::JensenShannon => objective::JENSEN_SHANNON,
            Loss::Tsallis => objective::TSALLIS,
            Loss::Cosine => objective::COSINE,
            Loss::Difference => objective::DIFFERENCE,
            Loss::Ratio => objective::RATIO,
            Loss::Dense => objective::DENSE,
        }
    }
}

/// Most iterations of an attack, all its phases together.
const MOST_ITERATIONS: u64 = 1 << 20;

/// Iterations of all phases.
fn iterations(config: &BudgetConfig) -> u64 {
    let phases = if config.shrinking { 3 } else { 1 };
    let rounds = config.minimise.map_or(1, |minimise| minimise.rounds);
    let repeats = u64::from(config.restarts) * u64::from(rounds);
    repeats.saturating_mul(u64::from(config.steps) + phases)
}
