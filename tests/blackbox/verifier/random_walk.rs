//! Random histories: cuts, delays, restarts of the server and of the verifier, revocations of every kind. Whenever things
//! calm down, the verifier decides as the server does.

use std::time::Duration;

use countersign_client::Verifier;

use super::scene::{Scene, scene};
use crate::harness::{SeededEntropy, Way};

const SEEDS: [u64; 3] = [1, 2, 3];
const STEPS: usize = 40;

struct Walk {
    scene: Scene,
    verifier: Verifier,
    tokens: Vec<String>,
}

impl Walk {
    async fn step(mut self, choice: u64, random: usize) -> Self {
        match choice {
            0..=2 => self.tokens.push(self.scene.token().await),
            3..=5 if !self.tokens.is_empty() => {
                let token = &self.tokens[random % self.tokens.len()];
                // It may be over already.
                let _over = self.scene.client.revoke_token(token).await;
            }
            6 => {
                let role = if random.is_multiple_of(2) { "buyer" } else { "seller" };
                self.scene.admin.set_roles(&self.scene.alice, &[role]).await.unwrap();
            }
            7 => self.scene.proxy.cut(),
            8 => self.scene.proxy.mend(self.scene.server.address),
            9 => self.scene.proxy.break_once(),
            10 => self.scene.proxy.hold([Way::ToClient, Way::ToServer][random % 2]),
            11 => self.scene.proxy.release([Way::ToClient, Way::ToServer][random % 2]),
            12 => self.scene.clocks.turn(Duration::from_secs(random as u64 % 20)),
            13 => self.verifier = self.scene.builder().start().unwrap(),
            14 => self.scene = self.scene.restart().await,
            15 => self.converge().await,
            _ => {}
        }
        self
    }

    /// Everything comes through again; then both sides decide alike.
    async fn converge(&self) {
        self.scene.proxy.mend(self.scene.server.address);
        self.scene.until_caught_up(&self.verifier).await;
        for token in &self.tokens {
            let here = self.verifier.verify(token);
            assert_eq!(here.is_ok(), self.scene.server_accepts(token).await, "{here:?}");
        }
    }
}

#[tokio::test]
async fn in_random_histories_a_verifier_ends_up_deciding_as_the_server_does() {
    for seed in SEEDS {
        println!("seed {seed}");
        let random = SeededEntropy::new(seed);
        let scene = scene().await;
        let verifier = scene.verifier().await;
        let mut walk = Walk { scene, verifier, tokens: Vec::new() };
        for _ in 0..STEPS {
            let choice = random.next() % 16;
            walk = walk.step(choice, usize::try_from(random.next() % 1000).unwrap()).await;
        }
        walk.converge().await;
    }
}
