//! SQL targets: one folder per dialect; dialects share nothing but what stands here.

pub mod postgres;
