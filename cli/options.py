"""Options that several commands have in common: said once, in the signature of a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final

TAKEN_AS: Final = "options"  # the command's own parameter that gets what the function makes of them

Command = Callable[..., None]


def with_options(shared: Callable[..., Mapping[str, object]]) -> Callable[[Command], Command]:
    """Give a command the parameters of ``shared`` beside its own; its ``options`` is what ``shared`` returns for them.

    Typer reads parameters off the signature, so the command gets one that is put together.
    """
    common = inspect.signature(shared, eval_str=True).parameters

    def give(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        own = [parameter for parameter in signature.parameters.values() if parameter.name != TAKEN_AS]

        @wraps(command)
        def run(**given: Any) -> None:
            options = shared(**{name: given.pop(name) for name in common})
            command(**given, **{TAKEN_AS: options})

        parameters = [*own, *common.values()]
        vars(run)["__signature__"] = signature.replace(parameters=parameters)
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return give
