"""What the tests of training share: one thread, which is fastest for tensors as small as theirs."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
