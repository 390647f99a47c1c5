//! The MachineConfig that gives an image to a pool: printed, written into a file, or to the live cluster.

use cluster_io::cluster::{LAYER_FIELD_MANAGER, WriteMode};
use osbuild_plan::{LayerMachineConfig, LayerSnapshot, pool_impact};

use super::super::{Objects, of_cluster_or_files};
use super::interrupt::Interrupts;
use super::{Request, refused, words};
use crate::commands::{note, print_text, tell};
use crate::error::CommandError;
use crate::render::document;
use crate::replace_file::replace_file;
use crate::{exit, live};

impl Request<'_, '_> {
    /// Prints or writes the MachineConfig, and says what it does.
    pub(super) fn hand_over(
        &self,
        image: &str,
        base: &str,
        is_new: bool,
        interrupts: &Interrupts,
    ) -> Result<u8, CommandError> {
        let config = LayerMachineConfig {
            name: self.name.to_owned(),
            pool: &self.args.pool,
            image,
            base_image: base,
            push_spec: self.push_spec,
        };
        let text = document::yaml(&config.object())?;
        if let Some(path) = &self.args.output {
            replace_file(path, text.as_bytes()).map_err(|source| CommandError::Write {
                path: path.display().to_string(),
                source,
            })?;
        }
        if !self.args.apply {
            if self.args.output.is_none() {
                print_text(&text)?;
            }
            self.tell_impact(self.snapshot, image);
            return Ok(exit::OK);
        }
        if !is_new {
            self.apply(&config, interrupts)?;
            self.tell_impact(self.snapshot, image);
            return Ok(exit::OK);
        }
        // A build takes minutes, in which a cluster may have changed.
        let texts = of_cluster_or_files(&self.args.input, &self.args.cluster)?;
        let objects = Objects::of(&texts);
        if !objects.errors.is_empty() {
            return Ok(exit::INVALID_INPUT);
        }
        let now = Request {
            snapshot: &objects.snapshot,
            ..*self
        };
        now.check_release(self.snapshot, image)?;
        now.check_pool().map_err(|error| {
            refused(format_args!(
                "{error}. The cluster changed during the build: {image} is pushed, and no MachineConfig was \
                 written"
            ))
        })?;
        now.apply(&config, interrupts)?;
        now.tell_impact(now.snapshot, image);
        Ok(exit::OK)
    }

    /// The image stands on the release that the cluster has now.
    fn check_release(&self, before: &LayerSnapshot<'_>, image: &str) -> Result<(), CommandError> {
        let (then, now) = (&before.release_image, &self.snapshot.release_image);
        if self.args.base.is_some() || then == now {
            return Ok(());
        }
        let name = |image: &Option<String>| image.clone().unwrap_or_else(|| "none".to_owned());
        Err(refused(format_args!(
            "the release of the cluster has another image since the build began ({} instead of {}): {image} is \
             pushed, and no MachineConfig was written; run the command again",
            name(now),
            name(then)
        )))
    }

    fn apply(
        &self,
        config: &LayerMachineConfig<'_>,
        interrupts: &Interrupts,
    ) -> Result<(), CommandError> {
        let write = config.write(LAYER_FIELD_MANAGER);
        live::block_on(async {
            let cluster = interrupts.or(live::connect(&self.args.cluster)).await??;
            // After this the request is sent, and an interruption stops it no more.
            interrupts.check()?;
            cluster.execute(&write, WriteMode::Real).await?;
            tell(&format!(
                "MachineConfig {} is on {}",
                self.name,
                cluster.server()
            ));
            Ok::<_, CommandError>(())
        })?
    }

    fn tell_impact(&self, snapshot: &LayerSnapshot<'_>, image: &str) {
        let pool = &self.args.pool;
        let impact = pool_impact(&snapshot.cluster(), pool, self.name, Some(image));
        for line in words::of_impact(&impact, pool) {
            note(&line);
        }
    }
}
