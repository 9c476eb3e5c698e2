"""Everything that runs on a GPU, tried in one command, and rehearsed where there is none."""
