//! Which image gets which target.

use std::collections::BTreeSet;
use std::path::PathBuf;

use asma::attack::Target;
use asma::data::PairPaths;
use asma::evaluate::{Pair, Pairing, Want, pair_with_others, read_pairs_csv};

fn images(count: usize) -> Vec<PairPaths> {
    (0..count)
        .map(|number| PairPaths {
            name: number.to_string(),
            image: format!("images/{number}.png").into(),
            mask: format!("masks/{number}.png").into(),
        })
        .collect()
}

fn mask_of(pair: &Pair) -> PathBuf {
    match &pair.want {
        Want::MaskOfAnother(mask) => mask.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn at_random_every_mask_goes_once_to_another_image() {
    for count in [2, 3, 17] {
        for seed in 0..20 {
            let images = images(count);
            let pairs = pair_with_others(&images, Pairing::Random { seed }).unwrap();
            let masks: BTreeSet<PathBuf> = pairs.iter().map(mask_of).collect();
            assert_eq!((pairs.len(), masks.len()), (count, count));
            for (pair, image) in pairs.iter().zip(&images) {
                assert_eq!(
                    (&pair.image, &pair.label),
                    (&image.image, &Some(image.mask.clone()))
                );
                assert_ne!(mask_of(pair), image.mask);
            }
        }
    }
    let with = |seed| pair_with_others(&images(17), Pairing::Random { seed }).unwrap();
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
}

#[test]
fn next_and_all_give_the_masks_in_turn() {
    let masks = |pairing| -> Vec<PathBuf> {
        let pairs = pair_with_others(&images(3), pairing).unwrap();
        pairs.iter().map(mask_of).collect()
    };
    let named = |numbers: &[usize]| -> Vec<PathBuf> {
        numbers
            .iter()
            .map(|number| format!("masks/{number}.png").into())
            .collect()
    };
    assert_eq!(masks(Pairing::Next), named(&[1, 2, 0]));
    assert_eq!(masks(Pairing::All), named(&[1, 2, 2, 0, 0, 1]));
    let refused = pair_with_others(&images(1), Pairing::Next)
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("1 image") && refused.contains("one target for all"),
        "{refused}"
    );
}

#[test]
fn a_list_names_files_from_its_own_folder() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("pairs.csv");
    let read = |text: &str, untargeted| {
        std::fs::write(&list, text).unwrap();
        read_pairs_csv(&list, untargeted)
    };
    let pairs = read(
        "image,target,region,label\na.png,m.png,,l.png\nb.png,\"shift:3,4\",r.png,\nc.png,of:d.png,,\n",
        false,
    )
    .unwrap();
    let here = |name: &str| folder.path().join(name);
    assert_eq!(
        pairs,
        [
            Pair {
                image: here("a.png"),
                want: Want::Target(Target::File(here("m.png"))),
                label: Some(here("l.png")),
                region: None,
            },
            Pair {
                image: here("b.png"),
                want: Want::Target(Target::Shift { dx: 3, dy: 4 }),
                label: None,
                region: Some(here("r.png")),
            },
            Pair {
                image: here("c.png"),
                want: Want::Target(Target::Of(here("d.png"))),
                label: None,
                region: None,
            },
        ]
    );
    // A colon may stand in a file's name, but not on Windows.
    if cfg!(unix) {
        std::fs::write(here("scan:1.png"), "").unwrap();
        let colon = read("image,target\na.png,scan:1.png\n", false).unwrap();
        assert_eq!(colon[0].want, Want::Target(Target::File(here("scan:1.png"))));
    }
    let untargeted = read("image,target\na.png,\nb.png,m.png\n", true).unwrap();
    assert_eq!(untargeted[0].want, Want::Leave(None));
    assert_eq!(untargeted[1].want, Want::Leave(Some(here("m.png"))));
    // What an image is led away from is its own mask, which an untargeted list may name alone.
    for text in ["image,target,label\na.png,,l.png\n", "image,label\na.png,l.png\n"] {
        let pairs = read(text, true).unwrap();
        assert_eq!(pairs[0].want, Want::Leave(Some(here("l.png"))), "{text}");
        assert_eq!(pairs[0].label, Some(here("l.png")), "{text}");
    }
    for (text, expected) in [
        ("image,target,image\na,b,c\n", "the column `image` twice"),
        ("image,label\na.png,l.png\n", "lacks a column"),
        ("image,mask\na,b\n", "column `mask`"),
        ("image\na\n", "lacks a column"),
        ("image,target\n", "no pair"),
        ("image,target\na.png,\n", "line 2 names no target"),
        ("image,target\n,a.png\n", "line 2 names no image"),
        ("image,target\na.png,wobble:3\n", "line 2"),
        (
            "image,target\na.png,m.png\nb.png,m.png\na.png,m.png\n",
            "lines 2 and 4 are the same",
        ),
        ("image,target\na.png\n", "is no list of pairs"),
    ] {
        let refused = read(text, false).unwrap_err().to_string();
        assert!(
            refused.contains(expected) && refused.contains("pairs.csv"),
            "{refused}"
        );
    }
}
