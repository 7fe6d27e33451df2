"""JMESPath that strangers may write: compiled with limits, run on a budget, refused in sentences.

The language itself has no loops, but it can copy: ten pipes of `[@,@][]` make a thousand copies.
So every step of an expression costs, copying costs by what is copied, and an empty purse ends it.
"""

import copy
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, cast

from jmespath import functions, lexer, parser, visitor
from jmespath.exceptions import (
    EmptyExpressionError,
    IncompleteExpressionError,
    LexerError,
    ParseError,
)

from orders.contract import Unmappable
from orders.parsing import number_text

LONGEST = 500
MOST_TOKENS = 150
DEEPEST = 24
DEEPEST_RESULT = 32
BUDGET = 100_000  # steps for all expressions over one body: a quarter of a second at most
ALLOWED = (
    "contains",
    "ends_with",
    "join",
    "keys",
    "length",
    "map",
    "max",
    "max_by",
    "merge",
    "min",
    "min_by",
    "not_null",
    "sort_by",
    "starts_with",
    "sum",
    "to_array",
    "to_number",
    "to_string",
    "values",
)
Tree = dict[str, Any]


class Wrong(Unmappable):
    """An expression that cannot be used; the sentence does not say of which field."""


class Budget:
    """How much may still be done for one body."""

    def __init__(self, left: int = BUDGET) -> None:
        self.left = left

    def pay(self, cost: int = 1) -> None:
        """Take `cost`; raises Wrong when there is not so much left."""
        self.left -= cost
        if self.left < 0:
            raise Wrong("it has too much to do on this body; write it simpler.")

    def pay_whole(self, value: Any) -> None:
        """Pay for every member inside `value`, as often as it would be written out."""
        stack = [(value, 1)]
        while stack:
            one, depth = stack.pop()
            if depth > DEEPEST_RESULT:
                raise Wrong(f"what it finds is nested deeper than {DEEPEST_RESULT} levels.")
            self.pay(1 + (len(one) // 100 if isinstance(one, str) else 0))
            if isinstance(one, dict | list):
                self.pay(len(one))
                members = one.values() if isinstance(one, dict) else one
                stack.extend((member, depth + 1) for member in members)


# --- Compiling -----------------------------------------------------------------------


@lru_cache(maxsize=1024)
def compiled(written: str) -> Tree:
    """The tree of an expression. Raises Wrong with a sentence that says what is the matter."""
    if len(written) > LONGEST:
        raise Wrong(f"an expression may have {LONGEST} characters at most.")
    try:
        tokens = list(lexer.Lexer().tokenize(written))
        if len(tokens) > MOST_TOKENS:
            raise Wrong(f"an expression may have {MOST_TOKENS} words and signs at most.")
        # The parser keeps what it parsed; the copy is ours to change.
        tree: Tree = copy.deepcopy(cast(Tree, parser.Parser().parse(written).parsed))
    except Wrong:
        raise
    except Exception as error:  # a parser of strings: whatever it stumbles over, it was the string
        raise Wrong(_complaint(error)) from None
    _check(tree)
    return tree


def _complaint(error: Exception) -> str:
    """What the parser could not read, and where; counted from 1."""
    if isinstance(error, EmptyExpressionError):
        return "it is empty."
    at_end = str(getattr(error, "token_type", "")).lower() == "eof"
    if at_end or isinstance(error, IncompleteExpressionError):
        return "it ends too early: something is missing at its end."
    if isinstance(error, LexerError | ParseError):
        at = getattr(error, "lex_position", getattr(error, "lexer_position", 0)) + 1
        token = getattr(error, "token_value", getattr(error, "lexer_value", ""))
        return f"it cannot be read at character {at}, at {str(token)[:20]!r}."
    return "it cannot be read as JMESPath."


def _check(tree: Tree) -> None:
    """Refuse what is too deep or calls what is not allowed; numbers in it become exact."""
    stack = [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        if depth > DEEPEST:
            raise Wrong(f"it is nested deeper than {DEEPEST} levels.")
        if node["type"] == "function_expression":
            _check_call(node)
        if node["type"] == "slice" and node["children"][2] == 0:
            raise Wrong("a slice cannot have the step 0.")
        if node["type"] == "literal":
            node["value"] = _exact(node["value"])
        stack.extend((one, depth + 1) for one in node["children"] if isinstance(one, dict))


def _check_call(node: Tree) -> None:
    name = node["value"]
    if name not in ALLOWED:
        raise Wrong(f"there is no function {name}() here; there are {', '.join(ALLOWED)}.")
    signature = _Functions.FUNCTION_TABLE[name]["signature"]
    count, least = len(node["children"]), len(signature)
    variadic = bool(signature and signature[-1].get("variadic"))
    if count < least or (count > least and not variadic):
        raise Wrong(f"{name}() takes {least}{' or more' if variadic else ''}, not {count}.")


def _exact(value: Any) -> Any:
    """A literal with Decimals in place of floats, as in the bodies."""
    if isinstance(value, float):
        exact = Decimal(str(value))
        if not exact.is_finite() or abs(exact.adjusted()) > 30:
            raise Wrong("a number in it is out of range.")
        return exact
    if isinstance(value, list):
        return [_exact(one) for one in value]
    return {key: _exact(one) for key, one in value.items()} if isinstance(value, dict) else value


# --- Running -------------------------------------------------------------------------


class _Functions(functions.Functions):
    """The functions, on exact numbers and on a budget."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget

    def call_function(self, function_name: str, resolved_args: Iterable[Any]) -> Any:
        """Pay for what the function reads, then call it."""
        arguments = list(resolved_args)
        for one in arguments:
            self._pay(one, function_name == "contains")
        return super().call_function(function_name, arguments)

    def _pay(self, argument: Any, compared: bool) -> None:
        if compared:
            self.budget.pay_whole(argument)
        elif isinstance(argument, list):
            texts = sum(len(one) for one in argument if isinstance(one, str))
            self.budget.pay(2 * len(argument) + texts // 10)
        elif isinstance(argument, str | dict):
            self.budget.pay(1 + len(argument) // (100 if isinstance(argument, str) else 1))

    def _get_allowed_pytypes(self, types: Any) -> Any:
        """A number is also a Decimal."""
        allowed, within = super()._get_allowed_pytypes(types)  # type: ignore[misc]
        within = [(*one, "Decimal") if "int" in one else one for one in within]
        return ([*allowed, "Decimal"] if "int" in allowed else allowed), within

    def _convert_to_jmespath_type(self, pyobject: str) -> Any:
        if pyobject == "Decimal":
            return "number"
        return super()._convert_to_jmespath_type(pyobject)  # type: ignore[misc]

    @functions.signature({"types": []})
    def _func_to_string(self, arg: Any) -> Any:
        """Of texts, numbers and truths only: an object as a text is of no use to an order."""
        if isinstance(arg, str) or arg is None:
            return arg
        if isinstance(arg, bool):
            return json.dumps(arg)
        return number_text(arg) if isinstance(arg, int | Decimal) else None

    @functions.signature({"types": []})
    def _func_to_number(self, arg: Any) -> Any:
        """Exact; null for what is no number."""
        if isinstance(arg, int | Decimal) and not isinstance(arg, bool):
            return arg
        written = arg.strip() if isinstance(arg, str) and len(arg) <= 40 else ""
        digits = written.removeprefix("-").replace(".", "", 1)
        if not (digits.isascii() and digits.isdigit()):
            return None
        return Decimal(written) if "." in written else int(written)

    @functions.signature({"types": ["string"]}, {"types": ["array"]})
    def _func_join(self, separator: str, array: list[Any]) -> str:
        """The texts and numbers of a list; what is missing is left out."""
        self.budget.pay(len(separator) * len(array) // 10)
        parts = [self._func_to_string(one) for one in array]
        return separator.join(one for one in parts if one)


class Interpreter(visitor.TreeInterpreter):
    """Walks a tree over a body; every step costs."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(visitor.Options(custom_functions=_Functions(budget)))
        self.budget = budget

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        """One step."""
        self.budget.pay()
        return super().visit(node, *args, **kwargs)

    def visit_flatten(self, node: Any, value: Any) -> Any:
        """Copies the members of members: paid before it is done."""
        base = self.visit(node["children"][0], value)
        if not isinstance(base, list):
            return None
        self.budget.pay(sum(len(one) if isinstance(one, list) else 1 for one in base))
        return [x for one in base for x in (one if isinstance(one, list) else [one])]

    def visit_slice(self, node: Any, value: Any) -> Any:
        """Copies at most the whole list."""
        self.budget.pay(len(value) if isinstance(value, list) else 0)
        return super().visit_slice(node, value)

    def visit_comparator(self, node: Any, value: Any) -> Any:
        """Equality reads the whole of both sides; a text and a number have no order."""
        sides = [self.visit(one, value) for one in node["children"]]
        for side in sides:
            self.budget.pay_whole(side)
        literal = [{"type": "literal", "value": one, "children": []} for one in sides]
        comparison: Any = {**node, "children": literal}
        try:
            return super().visit_comparator(comparison, value)
        except TypeError:
            return None


def found(written: str, value: Any, budget: Budget, walker: type[Interpreter] | None = None) -> Any:
    """What an expression finds in a parsed body. Raises Wrong."""
    interpreter = (walker or Interpreter)(budget)
    return run(compiled(written), value, interpreter)


def run(tree: Mapping[str, Any], value: Any, interpreter: Interpreter) -> Any:
    """The result of a compiled expression; its whole size is paid for. Raises Wrong."""
    try:
        result = interpreter.visit(dict(tree), value)
        interpreter.budget.pay_whole(result)
    except Wrong:
        raise
    except (ValueError, TypeError, ArithmeticError, LookupError, RecursionError) as error:
        raise Wrong(_refusal(error)) from None
    if isinstance(result, visitor._Expression):
        raise Wrong("& stands before an expression only inside a function.")
    return result


def _refusal(error: Exception) -> str:
    """Why it failed on this body, without what the body holds."""
    name = getattr(error, "function_name", "")
    if name:
        expected = " or ".join(getattr(error, "expected_types", ()) or ())
        actual = getattr(error, "actual_type", "something else")
        return f"{name}() needs {expected or 'another kind of value'} and found {actual}."
    return "it cannot be applied to this body."
