//! A fundus photograph: the layers in the order light meets them.

use super::canvas::{Canvas, Colour, blend, filtered, tint};
use super::disc::Disc;
use super::noise::noise;
use super::random::Random;
use super::retina::{Aperture, Light, Retina, camera_colour, spots};
use super::sensor::Sensor;
use super::vessels::vessels;
use super::view::View;

/// The photograph, and its labels: 0, 1 in the disc, 2 in the cup if `cup`.
pub(super) fn photograph(mut random: Random, size: usize, cup: bool) -> (Canvas, Vec<u8>) {
    let mut view = View::new(&mut random, size);
    let aperture = Aperture::new(&mut random, view.radius);
    // A disc that the camera's aperture hides would be a label without a picture.
    for _ in 0..20 {
        if aperture.open(view.x, view.y) > 0.9 {
            break;
        }
        (view.x, view.y) = (blend(view.x, 0.5, 0.2), blend(view.y, 0.5, 0.2));
    }
    let base = camera_colour(&mut random);
    let light = Light::new(&mut random, &aperture, size).exposed_for(view.x, view.y);
    let retina = Retina::new(&mut random, &view, base);
    let disc = Disc::new(&mut random, base, view.of_eye(1.0, 0.0), cup);
    let vessels = vessels(&mut random.fork(), &view);
    let cells = (2.5 / view.radius).clamp(6.0, 48.0);
    let mottle = noise(&mut random.fork(), size, cells);
    let vein: Colour = [
        random.between(0.55, 0.88),
        random.between(0.3, 0.6),
        random.between(0.4, 0.75),
    ];
    let pallor = random.between(1.0, 1.3);
    let (vein_colour, artery_colour) = (
        filtered(base, vein),
        filtered(base, vein.map(|share| (pallor * share).min(0.92))),
    );
    let mut labels = vec![0; size * size];
    let mut canvas = Canvas::new(size, vec![[0.0; 3]; size * size]);
    let mut index = 0;
    canvas.paint(|x, y, colour| {
        let point = view.of_image(x, y);
        retina.paint(index, point, colour);
        let found = disc.paint(point, mottle.values()[index], colour);
        labels[index] = match (found.in_disc, found.in_cup && cup) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => 2,
        };
        tint(colour, artery_colour, vessels.arteries.values()[index]);
        tint(colour, vein_colour, vessels.veins.values()[index]);
        index += 1;
    });
    spots(&mut random.fork(), &view, base, &mut canvas);
    let dark = random.between(0.0, 0.03);
    let mut index = 0;
    canvas.paint(|x, y, colour| {
        light.shine(index, x, y, colour);
        let open = aperture.open(x, y);
        if open < 0.5 {
            labels[index] = 0;
        }
        tint(colour, [dark; 3], 1.0 - open);
        index += 1;
    });
    // Details scale with the disc: a wide view shows what a blur made for close-ups would wipe away.
    let most_blur = (0.07 * view.radius).clamp(0.003, 0.01);
    Sensor::new(&mut random, size, most_blur).expose(&mut random, &mut canvas);
    (canvas, labels)
}
