"""What may stand in the place of a part of the paper's system; `docs/ablations.md` describes each."""
