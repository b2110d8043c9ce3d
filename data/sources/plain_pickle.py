"""Read a pickle of plain values without unpickling: bytes, flags, lists, tuples, uint8 arrays.

Unpickling runs whatever its stream asks for. So the stream is only parsed, with the tables of
`pickletools`, and walked opcode by opcode on a small stack of our own. The opcodes are those that
protocols 1 to 5 write for plain values; the names are those that Python and numpy write for bytes,
booleans and uint8 arrays, and none of them is ever looked up or called: what they stand for is
computed here. All other streams are refused, whoever made them. A stream cannot make much more
memory than it has bytes.
"""

import pickletools
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from mmap import mmap
from typing import IO, Any, Final, cast

MAX_OPCODES: Final = 4_000_000


class PlainPickleError(ValueError):
    """The stream is broken, or does what plain values have no need for."""


@dataclass(slots=True)
class PickledArray:
    """A numpy array of uint8 or bool, as its bytes in C order."""

    dtype: str | None = None
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class _Name:
    """A global name that the stream mentions; nothing is behind it."""

    name: str


@dataclass(frozen=True, slots=True)
class _Dtype:
    kind: str


def read_plain_pickle(stream: mmap) -> Any:  # noqa: ANN401 - any plain value
    """Read one value; arrays come as `PickledArray`, Python 2's `str` as bytes.

    The stream must be a memory map: reading a length that a file only claims would allocate it.
    Raises `PlainPickleError` that names the byte.
    """
    machine, position = _Machine(len(stream)), 0
    try:
        for _ in range(MAX_OPCODES):
            position = stream.tell()
            if not _step(machine, stream):
                return machine.result()
        raise PlainPickleError(f"more than {MAX_OPCODES:,} opcodes")
    except PlainPickleError as error:
        raise PlainPickleError(f"byte {position}{machine.progress()}: {error}") from error
    # An argument's reader tells so of a broken stream, and so do a stack and a memo that run empty.
    except _BROKEN as error:
        where = f"byte {position}{machine.progress()}"
        raise PlainPickleError(f"{where}: cut short or broken ({error})") from error


def _step(machine: "_Machine", stream: mmap) -> bool:
    """Do one opcode; False after the last. What is refused has not even its argument parsed."""
    opcode = _opcode(stream)
    if opcode.name == "GLOBAL":
        lines = (stream.readline().removesuffix(b"\n") for _ in range(2))
        machine.step(opcode.name, b" ".join(lines).decode("latin-1"))
    else:
        argument = opcode.arg.reader(cast(IO[bytes], stream)) if opcode.arg else None
        machine.step(opcode.name, argument)
    return opcode.name != "STOP"


def _opcode(stream: mmap) -> pickletools.OpcodeInfo:
    code = stream.read(1).decode("latin-1")
    if code not in _OPCODES:
        raise PlainPickleError(f"opcode {code!r} has no place among plain values")
    return _OPCODES[code]


class _Machine:
    def __init__(self, num_bytes: int) -> None:
        self._num_bytes_left = num_bytes
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._num_byte_strings = 0

    def step(self, name: str, argument: Any) -> None:  # noqa: ANN401 - an opcode's argument
        """Do what one opcode says."""
        if name in _IGNORED:
            return
        if name in _VALUES:
            self._push(_VALUES[name](argument))
        else:
            _STEPS[name](self, argument)

    def result(self) -> Any:  # noqa: ANN401 - any plain value
        """Give the one value that is left."""
        if len(self._stack) != 1 or self._marks:
            raise PlainPickleError("the stream does not end in one value")
        return self._stack[0]

    def progress(self) -> str:
        """Say how far the walk came, for people who know the file as a list of images."""
        return f", after {self._num_byte_strings} byte strings"

    def _push(self, value: Any) -> None:  # noqa: ANN401 - any value of the stream
        self._num_byte_strings += isinstance(value, bytes)
        self._stack.append(value)

    def _take(self, start: int) -> list[Any]:
        taken = self._stack[start:]
        del self._stack[start:]
        return taken

    def _take_last(self, count: int) -> list[Any]:
        floor = self._marks[-1] if self._marks else 0
        if len(self._stack) - count < floor:
            raise PlainPickleError("the stack runs empty")
        return self._take(len(self._stack) - count)

    def _take_marked(self) -> list[Any]:
        return self._take(self._marks.pop())

    def _mark(self) -> None:
        self._marks.append(len(self._stack))

    def _memoise(self, key: int | None) -> None:
        self._memo[len(self._memo) if key is None else key] = self._stack[-1]

    def _recall(self, key: int) -> None:
        self._stack.append(self._memo[key])

    def _extend(self, values: list[Any]) -> None:
        if not isinstance(self._stack[-1], list):
            raise PlainPickleError("something is appended to what is no list")
        self._stack[-1].extend(values)

    def _mention(self, argument: str | None) -> None:
        name = " ".join(self._take_last(2)) if argument is None else argument
        if name not in _CALLS and name != _NDARRAY:
            raise PlainPickleError(f"the name {name[:80]!r} has no place among plain values")
        self._push(_Name(name))

    def _reduce(self) -> None:
        function, arguments = self._take_last(2)
        if not isinstance(function, _Name) or not isinstance(arguments, tuple):
            raise PlainPickleError("what is called is no known name")
        value = _CALLS[function.name](*arguments)
        if isinstance(value, bytes):
            self._num_bytes_left -= len(value)
        if self._num_bytes_left < 0:
            raise PlainPickleError("the same text is turned into bytes over and over")
        self._push(value)

    def _set_state(self) -> None:
        (state,) = self._take_last(1)
        target = self._stack[-1]
        if isinstance(target, PickledArray):
            _version, _shape, dtype, is_fortran, content = state
            target.dtype, target.content = _array_of(dtype, content, bool(is_fortran))
        elif not isinstance(target, _Dtype):
            raise PlainPickleError("state is set on what is no array")


def _encode(text: str, encoding: str) -> bytes:
    """Python 3 writes bytes so in protocol 2 and below."""
    if encoding not in ("latin1", "latin-1"):
        raise PlainPickleError(f"bytes are written as {encoding!r}")
    return text.encode("latin-1")


def _dtype(kind: object, *_flags: object) -> _Dtype:
    name = kind.decode("latin-1") if isinstance(kind, bytes) else kind
    if not isinstance(name, str) or name not in ("u1", "b1"):
        raise PlainPickleError("an array is neither of uint8 nor of bool")
    return _Dtype(name)


def _scalar(dtype: _Dtype, content: bytes) -> bool | int:
    (value,) = content
    return bool(value) if dtype.kind == "b1" else value


def _reconstruct(*_empty: object) -> PickledArray:
    return PickledArray()


def _from_buffer(buffer: bytes, dtype: _Dtype, _shape: object, order: str) -> PickledArray:
    return PickledArray(*_array_of(dtype, buffer, order != "C"))


def _array_of(dtype: object, content: object, is_fortran: bool) -> tuple[str, bytes]:
    if not isinstance(dtype, _Dtype) or not isinstance(content, bytes | bytearray) or is_fortran:
        raise PlainPickleError("an array is not of plain bytes")
    return dtype.kind, bytes(content)


def _as_bytes(text: str) -> bytes:
    return text.encode("latin-1")


_BROKEN: Final = (
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    struct.error,
)
_NDARRAY: Final = "numpy ndarray"
_CALLS: Final[Mapping[str, Callable[..., Any]]] = {
    "_codecs encode": _encode,
    "numpy dtype": _dtype,
    **{
        f"numpy.{core}.{module} {name}": function
        for core in ("core", "_core")  # numpy 1 and 2
        for module, name, function in (
            ("multiarray", "scalar", _scalar),
            ("multiarray", "_reconstruct", _reconstruct),
            ("numeric", "_frombuffer", _from_buffer),
        )
    },
}
_IGNORED: Final = frozenset({"PROTO", "FRAME", "STOP"})
_VALUES: Final[Mapping[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"), bytes),
    "BYTEARRAY8": bytes,
    **dict.fromkeys(("BINSTRING", "SHORT_BINSTRING"), _as_bytes),
    **dict.fromkeys(("BINUNICODE", "SHORT_BINUNICODE"), str),
    **dict.fromkeys(("BININT", "BININT1", "BININT2"), int),
    "INT": lambda value: value,  # the reader makes I00 and I01 booleans
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "NONE": lambda _: None,
    "EMPTY_LIST": lambda _: [],
    "EMPTY_TUPLE": lambda _: (),
}
_STEPS: Final[Mapping[str, Callable[[_Machine, Any], None]]] = {
    "MARK": lambda machine, _: machine._mark(),
    "TUPLE": lambda machine, _: machine._push(tuple(machine._take_marked())),
    "TUPLE1": lambda machine, _: machine._push(tuple(machine._take_last(1))),
    "TUPLE2": lambda machine, _: machine._push(tuple(machine._take_last(2))),
    "TUPLE3": lambda machine, _: machine._push(tuple(machine._take_last(3))),
    "APPEND": lambda machine, _: machine._extend(machine._take_last(1)),
    "APPENDS": lambda machine, _: machine._extend(machine._take_marked()),
    **dict.fromkeys(
        ("BINPUT", "LONG_BINPUT", "MEMOIZE"), lambda machine, key: machine._memoise(key)
    ),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda machine, key: machine._recall(key)),
    **dict.fromkeys(("GLOBAL", "STACK_GLOBAL"), lambda machine, name: machine._mention(name)),
    "REDUCE": lambda machine, _: machine._reduce(),
    "BUILD": lambda machine, _: machine._set_state(),
}
_KNOWN: Final = _IGNORED | _VALUES.keys() | _STEPS.keys()
_OPCODES: Final = {opcode.code: opcode for opcode in pickletools.opcodes if opcode.name in _KNOWN}
