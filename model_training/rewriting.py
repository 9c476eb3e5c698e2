"""Rules that replace a part of an ONNX graph by fewer operations with the same result."""

from __future__ import annotations

import numpy as np
from onnx_ir import SymbolicDim, Value, tensor
from onnxscript.rewriter import MatchResult, RewriterContext, RewriteRuleClassBase
from onnxscript.rewriter.pattern import OpsetPatternBuilder, Var


class ResidualLinear(RewriteRuleClassBase):
    """Merges two linear maps with a residual between them: (a V + b + [x ; s]) W + c becomes
    a (V W) + x W_x + (s W_s + b W + c). In CMSA, a is what is attended to, x the position and s the sentence.
    """

    CONSTANT = "inner", "inner_bias", "outer", "outer_bias"

    def pattern(
        self,
        op: OpsetPatternBuilder,
        a: Var,
        inner: Var,
        inner_bias: Var,
        x: Var,
        s: Var,
        lead: Var,
        outer: Var,
        outer_bias: Var,
    ) -> Var:
        """See RewriteRuleClassBase."""
        attended = op.Add(op.MatMul(a, inner), inner_bias)
        residual = op.Concat(x, op.Expand(s, lead), axis=-1)
        return op.Add(op.MatMul(op.Add(attended, residual), outer), outer_bias)

    def check(self, context: object, **found: Value) -> MatchResult:
        """The maps are constant, and x has the leading axes of a."""
        a, x = found["a"].shape, found["x"].shape
        constant = all(found[name].const_value is not None for name in self.CONSTANT)
        if not constant or a is None or x is None or a[:-1] != x[:-1] or not isinstance(x[-1], int):
            return MatchResult().fail("the maps are not constant, or x is broadcast")
        return MatchResult()

    def rewrite(self, op: RewriterContext, **found: Value) -> Value:
        """See RewriteRuleClassBase."""
        inner, inner_bias, outer, outer_bias = (found[name].const_value.numpy() for name in self.CONSTANT)
        a, x, s, channels = found["a"], found["x"], found["s"], found["x"].shape[-1]
        made = x.producer()
        if made is not None and made.op_type == "Expand":  # the sum broadcasts as well
            x = made.inputs[0]
        said = op.Add(op.MatMul(s, _constant(op, outer[channels:])), _constant(op, inner_bias @ outer + outer_bias))
        seen = op.Add(op.MatMul(x, _constant(op, outer[:channels])), said)
        return op.Add(op.MatMul(a, _constant(op, inner @ outer)), seen)


class EqualChannels(RewriteRuleClassBase):
    """Replaces a convolution over identical channels by one over a single channel."""

    def pattern(self, op: OpsetPatternBuilder, x: Var, shape: Var, weight: Var) -> Var:
        """See RewriteRuleClassBase."""
        return op.Conv(op.Expand(x, shape), weight, _allow_other_inputs=True, _outputs=["convolved"])

    def check(self, context: object, x: Value, weight: Value, convolved: Value, **_: Value) -> MatchResult:
        """The weights are constant, and only channels are repeated."""
        repeated = convolved.producer().inputs[0].shape
        if weight.const_value is None or x.shape is None or repeated is None or x.shape[1] != 1:
            return MatchResult().fail("weights that are not constant, or several channels")
        if [x.shape[0], *x.shape[2:]] != [repeated[0], *repeated[2:]] or weight.shape[1] != repeated[1]:
            return MatchResult().fail("other axes are repeated too, or there are groups")
        return MatchResult()

    def rewrite(self, op: RewriterContext, x: Value, weight: Value, convolved: Value, **_: Value) -> Value:
        """See RewriteRuleClassBase."""
        node = convolved.producer()
        single = _constant(op, weight.const_value.numpy().sum(1, keepdims=True))
        return op.Conv(x, single, *node.inputs[2:], **node.attributes)


class LinearOfRows(RewriteRuleClassBase):
    """Replaces a linear map of an array with more than two axes by a Gemm on its rows, which also adds the bias."""

    def pattern(self, op: OpsetPatternBuilder, x: Var, weight: Var, bias: Var) -> Var:
        """See RewriteRuleClassBase."""
        return op.Add(op.MatMul(x, weight), bias)

    def check(self, context: object, x: Value, weight: Value, bias: Value) -> MatchResult:
        """The map is constant, and at most one axis of x is of unknown length."""
        if weight.const_value is None or bias.const_value is None or x.shape is None:
            return MatchResult().fail("a map that is not constant")
        if (len(weight.shape), len(bias.shape)) != (2, 1) or len(x.shape) < 3:
            return MatchResult().fail("no linear map of an array with more than two axes")
        if sum(isinstance(axis, SymbolicDim) for axis in x.shape) > 1:
            return MatchResult().fail("several axes are of unknown length")
        return MatchResult()

    def rewrite(self, op: RewriterContext, x: Value, weight: Value, bias: Value) -> Value:
        """See RewriteRuleClassBase."""
        inputs, outputs = weight.shape
        rows = op.Reshape(x, _constant(op, np.array([-1, inputs])))
        lead = [-1 if isinstance(axis, SymbolicDim) else axis for axis in x.shape[:-1]]
        return op.Reshape(op.Gemm(rows, weight, bias), _constant(op, np.array([*lead, outputs])))


def _constant(op: RewriterContext, array: np.ndarray) -> Value:
    return op.Constant(value=tensor(array))


RULES = ResidualLinear.rule(), EqualChannels.rule()
LAST_RULES = (LinearOfRows.rule(),)
"""Applied last: RULES look for the sums and products that these replace."""
