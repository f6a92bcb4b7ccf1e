//! Holds the tree to its own rules: who imports whom, who owns which outside name, what must agree.

mod agreement;
mod build;
mod declare;
mod graph;
mod house;
mod made_up;
mod owners;
mod paths;
mod rules;
mod tree;
