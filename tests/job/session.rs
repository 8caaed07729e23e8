//! A network on a device: predictions, logits and gradients of images in memory.

use std::sync::Mutex;

use asma::gpu::DeviceChoice;
use asma::job::{NamedDevice, Samples, Session};
use asma::labels::LabelMap;
use asma::network::{LoweringOptions, lower};
use asma::{Error, Shape, Tensor};

use super::{Case, INPUT, networks};

const IMAGES: Shape = Shape { n: 3, ..INPUT };

fn session() -> Session {
    let case = Case::new();
    Session::new("network".into(), case.model, DeviceChoice::Cpu).unwrap()
}

/// The network fitted to the images' size, run as a program by itself.
fn by_hand(session: &Session, image: &Tensor, seed: &Tensor) -> (Tensor, Tensor) {
    let graph = asma::data::fit(&session.model.graph, image.shape())
        .unwrap()
        .graph;
    let network = lower(&graph, image.shape(), LoweringOptions::default()).unwrap();
    let mut executor = asma::cpu::CpuExecutor::new(std::sync::Arc::new(network.program.clone())).unwrap();
    networks::run(&mut executor, &network, image, seed)
}

#[test]
fn each_image_gets_what_the_network_gives_for_it_alone() {
    let session = session();
    let images = networks::image(IMAGES, 3);
    let output = session.output_shape(IMAGES).unwrap();
    assert_eq!(output, Shape::new(3, 2, INPUT.h, INPUT.w));
    let seed = networks::tensor(output, 9);
    let logits = session.logits(&images).unwrap();
    let gradient = session.input_gradient(&images, &seed).unwrap();
    let predictions = session.predict(&images).unwrap();
    assert_eq!((gradient.shape(), predictions.len()), (IMAGES, IMAGES.n));
    for (number, prediction) in predictions.iter().enumerate() {
        let (wanted, slope) = by_hand(&session, &images.sample(number), &seed.sample(number));
        assert_eq!(logits.sample(number), wanted);
        assert_eq!(gradient.sample(number), slope);
        assert_eq!(*prediction, LabelMap::from_logits(&wanted, 0).unwrap());
    }
    assert!(gradient.data().iter().any(|value| *value != 0.0));
}

/// Images that are spoilt once they have been copied, as another thread may do.
#[derive(Debug)]
struct Spoilt {
    images: Mutex<Tensor>,
    copied: Mutex<Vec<usize>>,
}

impl Samples for Spoilt {
    fn shape(&self) -> Shape {
        IMAGES
    }

    fn copied(&self, number: usize) -> asma::Result<Tensor> {
        let image = self.images.lock().unwrap().sample(number);
        let elements = INPUT.elements();
        self.images.lock().unwrap().data_mut()[number * elements..][..elements].fill(f32::NAN);
        self.copied.lock().unwrap().push(number);
        Ok(image)
    }
}

#[test]
fn each_image_is_copied_once_as_its_turn_comes() {
    let session = session();
    let images = networks::image(IMAGES, 3);
    let spoilt = Spoilt {
        images: Mutex::new(images.clone()),
        copied: Mutex::default(),
    };
    assert_eq!(session.logits(&spoilt).unwrap(), session.logits(&images).unwrap());
    assert_eq!(*spoilt.copied.lock().unwrap(), [0, 1, 2]);
}

#[test]
fn threads_share_a_session() {
    let session = session();
    let images: Vec<Tensor> = (0..4).map(|seed| networks::image(IMAGES, seed)).collect();
    let alone: Vec<_> = images
        .iter()
        .map(|images| session.logits(images).unwrap())
        .collect();
    std::thread::scope(|scope| {
        for (images, alone) in images.iter().zip(&alone) {
            let session = &session;
            scope.spawn(move || {
                for _ in 0..5 {
                    assert_eq!(session.logits(images).unwrap(), *alone);
                }
            });
        }
    });
}

#[test]
fn what_does_not_fit_is_refused() {
    let session = session();
    let usage = |result: asma::Result<Tensor>, words: &str| match result {
        Err(Error::Usage(problem)) => assert!(problem.contains(words), "{problem}"),
        other => panic!("{words}: {other:?}"),
    };
    let images = networks::image(IMAGES, 3);
    let mut nan = images.clone();
    nan.data_mut()[INPUT.elements()] = f32::NAN;
    usage(session.logits(&nan), "image 1: holds the value NaN");
    let grey = networks::image(Shape { c: 1, ..IMAGES }, 3);
    usage(session.logits(&grey), "want one sample of 3 channels");
    usage(
        session.logits(&networks::image(Shape { n: 0, ..IMAGES }, 3)),
        "0 images",
    );
    let seed = networks::tensor(session.output_shape(IMAGES).unwrap(), 9);
    usage(
        session.input_gradient(&images, &seed.sample(0)),
        "the seed has shape 1×2×21×26",
    );
    let mut infinite = seed;
    infinite.data_mut()[0] = f32::INFINITY;
    usage(session.input_gradient(&images, &infinite), "the seed holds inf");
    let nowhere = NamedDevice::open(DeviceChoice::Name("no such adapter".into()));
    assert!(nowhere.is_err());
}
