//! Whatever answers in place of EC2 is a page of images or an error; nothing is longer than the answer.
#![no_main]

use cluster_io::ec2::images_of_answer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &str| {
    match images_of_answer(body) {
        Ok((images, _)) => {
            assert!(images.len() <= body.matches("item").count());
            for image in images {
                assert!(!image.id.is_empty());
                let texts = [&image.id, &image.owner, &image.name, &image.description];
                let length: usize = texts.into_iter().map(String::len).sum();
                assert!(length <= body.len());
            }
        }
        // Errors are shown in a line.
        Err(problem) => assert!(!problem.is_empty() && !problem.contains('\n')),
    }
});
