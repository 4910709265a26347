"""The engine from Python: a binding of libcadenza over `include/cadenza.h`.

    engine = Engine()
    with engine.load("notes.safetensors") as model, model.stream(seed=7) as stream:
        stream.set_condition("pitch", 60)
        sound = stream.generate(model.sample_rate)

A composer's stream writes notes, and plays them where it has an instrument:

    with engine.load("chorales.safetensors") as model, model.stream(seed=7) as stream:
        events = stream.compose(60 * model.sample_rate)

Functions that the header marks [main-thread] stay so here: one stream belongs to one thread at a
time, a model may be shared. A stream keeps its model alive, so they may be closed in any order.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cadenza_training.errors import UserError

LIBRARY_VARIABLE = "CADENZA_LIBRARY"

# The major version of the interface that the structures below are written from.
INTERFACE_MAJOR = 0

_OK = 0
_ERROR_STATE = -7
_ERROR_MESSAGE_SIZE = 512
_CONDITION_KINDS = {0: "class", 1: "vector", 2: "latent"}
_PARAMETERS = {"temperature": 0, "top_k": 1, "top_p": 2, "gain": 3, "tempo": 4, "mix": 5}
_EVENT_KINDS = ("note on", "note off", "end")
# Events of a block that the engine keeps at most.
_MOST_EVENTS = 4096
_EVENTS_LOST = 3
# Long enough to be quick, short enough that no block has more events than are kept.
_COMPOSING_BLOCK_FRAMES = 4800
COMPOSER_CODECS = frozenset(
    ("performance_events", "melody_steps", "chorale_grid", "note_tokens", "note_matrix")
)


class _Error(ctypes.Structure):
    _fields_ = (("status", ctypes.c_int32), ("message", ctypes.c_char * _ERROR_MESSAGE_SIZE))


class _ModelInfo(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_uint32),
        ("sample_rate", ctypes.c_uint32),
        ("name", ctypes.c_char_p),
        ("description", ctypes.c_char_p),
        ("license", ctypes.c_char_p),
        ("network", ctypes.c_char_p),
        ("codec", ctypes.c_char_p),
        ("instruction_set", ctypes.c_char_p),
        ("parameter_count", ctypes.c_uint64),
        ("weight_bytes", ctypes.c_uint64),
        ("stream_bytes", ctypes.c_uint64),
        ("vocabulary_size", ctypes.c_uint32),
        ("condition_count", ctypes.c_uint32),
        ("receptive_field", ctypes.c_uint64),
        ("training_steps", ctypes.c_double),
        ("validation_nats", ctypes.c_double),
        ("temperature", ctypes.c_float),
        ("top_p", ctypes.c_float),
        ("top_k", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("clip_frames", ctypes.c_uint64),
        ("decoding", ctypes.c_int32),
        ("encoder", ctypes.c_int32),
        ("lowest_pitch", ctypes.c_uint32),
        ("highest_pitch", ctypes.c_uint32),
    )


class _ConditionInfo(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_uint32),
        ("kind", ctypes.c_int32),
        ("name", ctypes.c_char_p),
        ("size", ctypes.c_uint32),
        ("frames_per_value", ctypes.c_uint32),
        ("labels", ctypes.POINTER(ctypes.c_char_p)),
        ("label_count", ctypes.c_uint32),
        ("queue_capacity", ctypes.c_uint32),
    )


class _StreamOptions(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_uint32),
        ("sample_rate", ctypes.c_uint32),
        ("max_block_frames", ctypes.c_uint32),
        ("top_k", ctypes.c_uint32),
        ("seed", ctypes.c_uint64),
        ("temperature", ctypes.c_float),
        ("top_p", ctypes.c_float),
        ("gain", ctypes.c_float),
        ("render_ahead_frames", ctypes.c_uint32),
        ("input_sample_rate", ctypes.c_uint32),
        ("voices", ctypes.c_uint32),
        ("smoothing_seconds", ctypes.c_float),
        ("output_limit", ctypes.c_float),
        ("dc_blocker_hertz", ctypes.c_float),
        ("reserved", ctypes.c_uint32),
    )


class _StreamStatistics(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("frames", ctypes.c_uint64),
        ("blocks", ctypes.c_uint64),
        ("numeric_errors", ctypes.c_uint64),
        ("underruns", ctypes.c_uint64),
        ("worst_block_seconds", ctypes.c_double),
        ("mean_block_seconds", ctypes.c_double),
        ("total_seconds", ctypes.c_double),
        ("underrun_frames", ctypes.c_uint64),
        ("frames_ahead", ctypes.c_uint64),
    )


class _Event(ctypes.Structure):
    _fields_ = (
        ("frame", ctypes.c_uint64),
        ("kind", ctypes.c_int32),
        ("voice", ctypes.c_uint32),
        ("pitch", ctypes.c_uint32),
        ("velocity", ctypes.c_float),
        ("beat", ctypes.c_double),
    )


_pointer = ctypes.c_void_p
_floats = ctypes.POINTER(ctypes.c_float)
_status = ctypes.c_int32
_events = ctypes.POINTER(_Event)

# name: (what it returns, what it takes), as include/cadenza.h declares them.
_FUNCTIONS = {
    "cadenza_version": (ctypes.c_uint32, ()),
    "cadenza_version_string": (ctypes.c_char_p, ()),
    "cadenza_status_string": (ctypes.c_char_p, (_status,)),
    "cadenza_model_load": (
        _status,
        (ctypes.c_char_p, ctypes.POINTER(_pointer), ctypes.POINTER(_Error)),
    ),
    "cadenza_model_release": (None, (_pointer,)),
    "cadenza_model_get_info": (_status, (_pointer, ctypes.POINTER(_ModelInfo))),
    "cadenza_model_get_condition_info": (
        _status,
        (_pointer, ctypes.c_uint32, ctypes.POINTER(_ConditionInfo)),
    ),
    "cadenza_stream_options_init_64": (None, (ctypes.POINTER(_StreamOptions), _pointer)),
    "cadenza_stream_create": (
        _status,
        (
            _pointer,
            ctypes.POINTER(_StreamOptions),
            ctypes.POINTER(_pointer),
            ctypes.POINTER(_Error),
        ),
    ),
    "cadenza_stream_destroy": (None, (_pointer,)),
    "cadenza_generate_block": (_status, (_pointer, _floats, ctypes.c_size_t)),
    "cadenza_stream_reset": (_status, (_pointer, ctypes.c_uint64)),
    "cadenza_stream_prime": (_status, (_pointer, _floats, ctypes.c_size_t)),
    "cadenza_stream_score": (
        _status,
        (_pointer, _floats, ctypes.c_size_t, ctypes.POINTER(ctypes.c_double)),
    ),
    "cadenza_stream_set_parameter": (_status, (_pointer, ctypes.c_int32, ctypes.c_float)),
    "cadenza_stream_get_parameter": (_status, (_pointer, ctypes.c_int32, _floats)),
    "cadenza_stream_set_condition": (
        _status,
        (_pointer, ctypes.c_uint32, _floats, ctypes.c_size_t),
    ),
    "cadenza_stream_save_state": (_status, (_pointer, _pointer, ctypes.POINTER(ctypes.c_size_t))),
    "cadenza_stream_load_state": (_status, (_pointer, _pointer, ctypes.c_size_t)),
    "cadenza_stream_get_statistics": (_status, (_pointer, ctypes.POINTER(_StreamStatistics))),
    "cadenza_stream_read_events": (
        _status,
        (_pointer, _events, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t)),
    ),
    "cadenza_stream_prime_events": (_status, (_pointer, _events, ctypes.c_size_t, ctypes.c_uint64)),
    "cadenza_stream_score_events": (
        _status,
        (
            _pointer,
            _events,
            ctypes.c_size_t,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_double),
            ctypes.POINTER(ctypes.c_uint64),
        ),
    ),
    "cadenza_stream_encode": (
        _status,
        (_pointer, ctypes.c_uint32, _floats, ctypes.c_size_t, ctypes.POINTER(_Error)),
    ),
    "cadenza_stream_encode_events": (
        _status,
        (
            _pointer,
            ctypes.c_uint32,
            _events,
            ctypes.c_size_t,
            ctypes.c_uint64,
            ctypes.POINTER(_Error),
        ),
    ),
    "cadenza_stream_set_encoded": (
        _status,
        (_pointer, ctypes.c_uint32, _floats, ctypes.c_size_t, ctypes.POINTER(_Error)),
    ),
    "cadenza_model_encode": (
        _status,
        (
            _pointer,
            _floats,
            ctypes.c_size_t,
            _floats,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_size_t),
            ctypes.POINTER(_Error),
        ),
    ),
    "cadenza_model_encode_events": (
        _status,
        (
            _pointer,
            _events,
            ctypes.c_size_t,
            ctypes.c_uint64,
            _floats,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_size_t),
            ctypes.POINTER(_Error),
        ),
    ),
}


@dataclass(frozen=True)
class Condition:
    """What the host can ask for while the model plays."""

    name: str
    kind: str  # "class", "vector" or "latent"
    size: int  # classes, or numbers in the vector
    frames_per_value: int  # 0: global; else samples that each value lasts
    labels: tuple[str, ...]  # of the classes; empty where the model names none
    queue_capacity: int  # local: values that may wait; global: 1


@dataclass(frozen=True)
class ModelInformation:
    """`cadenza_model_info`, field by field."""

    sample_rate: int  # Hz
    name: str
    description: str
    license: str
    network: str
    codec: str
    instruction_set: str
    parameter_count: int
    weight_bytes: int
    stream_bytes: int
    vocabulary_size: int  # 0 where the network predicts values
    receptive_field: int  # samples; 0: unbounded
    training_steps: float
    validation_nats: float  # a sample
    temperature: float
    top_p: float
    top_k: int
    clip_frames: int  # samples of a clip at the model's rate; 0: none
    decoding: int  # 0: no clip; 1: streamed; 2: whole
    encoder: int  # 0: none; 1: of recordings; 2: of melodies
    lowest_pitch: int  # MIDI; both 0 where it plays no notes
    highest_pitch: int

    @property
    def is_composer(self) -> bool:
        """Whether it writes notes."""
        return self.codec in COMPOSER_CODECS


@dataclass(frozen=True)
class NoteEvent:
    """`cadenza_event`, its frame counted from where the stream or the given piece begins."""

    frame: int
    kind: str  # "note on", "note off" or "end"
    voice: int = 0
    pitch: int = 0
    velocity: float = 0.0  # 0 … 1
    beat: float = 0.0  # of the stream's tempo; of a piece that is given, ignored


@dataclass(frozen=True)
class Statistics:
    """`cadenza_stream_statistics`, field by field; times in seconds."""

    frames: int
    blocks: int
    numeric_errors: int
    underruns: int
    worst_block_seconds: float
    mean_block_seconds: float
    total_seconds: float
    underrun_frames: int
    frames_ahead: int


def library_path() -> Path | str:
    """Where libcadenza is: named by the environment, built in this checkout, or installed."""
    named = os.environ.get(LIBRARY_VARIABLE)
    if named:
        if not Path(named).is_file():
            raise UserError(f"{LIBRARY_VARIABLE} names {named}, and there is no such file")
        return Path(named)
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "include" / "cadenza.h").is_file():
        built = checkout / ".build" / "lib" / "libcadenza.so"
        if built.is_file():
            return built
    installed = ctypes.util.find_library("cadenza")
    if installed:
        return installed
    raise UserError(
        "the engine's library, libcadenza, was not found: run `make library` in Cadenza's "
        f"checkout, or name the file in the environment variable {LIBRARY_VARIABLE}"
    )


class Engine:
    """libcadenza, loaded."""

    def __init__(self, library: Path | None = None) -> None:
        path = library_path() if library is None else library
        try:
            self._library = ctypes.CDLL(str(path))
            for name, (result, arguments) in _FUNCTIONS.items():
                function = getattr(self._library, name)
                function.restype = result
                function.argtypes = arguments
        except (OSError, AttributeError) as error:
            raise UserError(
                f"{path} is not a library of Cadenza, or is an older one than this package's "
                f"(`make library` builds the checkout's): {error}"
            ) from error
        major = self._library.cadenza_version() >> 16
        if major != INTERFACE_MAJOR:
            raise UserError(
                f"{path} is version {self.version} of Cadenza, and this package speaks to "
                f"version {INTERFACE_MAJOR}"
            )

    @property
    def version(self) -> str:
        return self._library.cadenza_version_string().decode("utf-8")

    def load(self, path: Path | str) -> Model:
        return Model(self, Path(path))

    def _phrase(self, status: int) -> str:
        return self._library.cadenza_status_string(status).decode("utf-8")


class _Handle:
    """Something of the library's that must be given back once."""

    def __init__(self) -> None:
        self._handle: int | None = None

    def _open_handle(self) -> int:
        if self._handle is None:
            raise ValueError(f"this {type(self).__name__.lower()} is closed")
        return self._handle

    def close(self) -> None:
        raise NotImplementedError

    def __del__(self) -> None:
        # An object whose __init__ failed early has no handle yet.
        if getattr(self, "_handle", None) is not None:
            self.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Model(_Handle):
    """A loaded model file: immutable, shared by its streams."""

    def __init__(self, engine: Engine, path: Path) -> None:
        super().__init__()
        self.path = path
        self._engine = engine
        self._library = engine._library
        handle = _pointer()
        error = _Error()
        status = self._library.cadenza_model_load(os.fsencode(path), handle, error)
        if status != _OK:
            sentence = error.message.decode("utf-8", "replace") or engine._phrase(status)
            # Most of the engine's sentences name the file themselves.
            raise UserError(sentence if str(path) in sentence else f"{path}: {sentence}")
        self._handle = handle.value
        self.information = self._read_information()
        self.conditions = self._read_conditions()

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.information.sample_rate

    def stream(
        self,
        seed: int = 0,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        gain: float | None = None,
    ) -> Stream:
        """One voice; what is None is the model's own default."""
        given = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "gain": gain}
        chosen = {name: value for name, value in given.items() if value is not None}
        return Stream(self, seed, chosen)

    def encode(self, samples: ArrayLike) -> NDArray[np.float32]:
        """The latent of a recording at the model's rate: its numbers, rows one after another."""
        sound = _mono(samples)
        return self._encoded(self._library.cadenza_model_encode, _float_pointer(sound), len(sound))

    def encode_events(self, events: Sequence[NoteEvent], frames: int) -> NDArray[np.float32]:
        """The latent of a melody of `frames` frames, at the model's rate and tempo."""
        return self._encoded(
            self._library.cadenza_model_encode_events, _event_array(events), len(events), frames
        )

    def _encoded(self, function: Callable[..., int], *given: object) -> NDArray[np.float32]:
        handle, count, error = self._open_handle(), ctypes.c_size_t(), _Error()
        status = function(handle, *given, None, 0, count, error)
        latent = np.zeros(count.value, np.float32)
        if status == _OK:
            room = _float_pointer(latent)
            status = function(handle, *given, room, len(latent), count, error)
        if status != _OK:
            raise UserError(f"{self.path}: {error.message.decode('utf-8', 'replace')}")
        return latent

    def close(self) -> None:
        """Gives back this reference; streams that still play keep theirs. Twice is fine."""
        handle, self._handle = self._handle, None
        if handle is not None:
            self._library.cadenza_model_release(handle)

    def __enter__(self) -> Model:
        return self

    def _read_information(self) -> ModelInformation:
        info = _ModelInfo(struct_size=ctypes.sizeof(_ModelInfo))
        status = self._library.cadenza_model_get_info(self._handle, info)
        if status != _OK:
            raise UserError(f"{self.path}: {self._engine._phrase(status)}")
        self._condition_count = int(info.condition_count)
        values = {}
        for field in ModelInformation.__dataclass_fields__:
            value = getattr(info, field)
            values[field] = value.decode("utf-8") if isinstance(value, bytes) else value
        return ModelInformation(**values)

    def _read_conditions(self) -> tuple[Condition, ...]:
        conditions = []
        for index in range(self._condition_count):
            info = _ConditionInfo(struct_size=ctypes.sizeof(_ConditionInfo))
            status = self._library.cadenza_model_get_condition_info(self._handle, index, info)
            if status != _OK:
                raise UserError(f"{self.path}: condition {index}: {self._engine._phrase(status)}")
            labels = (info.labels[place].decode("utf-8") for place in range(info.label_count))
            conditions.append(
                Condition(
                    name=info.name.decode("utf-8"),
                    kind=_CONDITION_KINDS[info.kind],
                    size=info.size,
                    frames_per_value=info.frames_per_value,
                    labels=tuple(labels),
                    queue_capacity=info.queue_capacity,
                )
            )
        return tuple(conditions)


class Stream(_Handle):
    """One voice: the network's state, the sampler and its random generator."""

    def __init__(self, model: Model, seed: int, parameters: dict[str, float]) -> None:
        super().__init__()
        self.model = model
        self._engine = model._engine
        self._library = model._library
        options = _StreamOptions()
        self._library.cadenza_stream_options_init_64(options, model._open_handle())
        # Sound is measured as the model gives it: nothing is smoothed.
        options.smoothing_seconds = 0.0
        options.seed = _checked_seed(seed)
        for name, value in parameters.items():
            if name == "top_k" and not 0 <= value <= 0xFFFFFFFF:
                raise UserError(f"top_k is {value}; expected a whole number from 0 on")
            setattr(options, name, value)
        handle = _pointer()
        error = _Error()
        status = self._library.cadenza_stream_create(model._open_handle(), options, handle, error)
        if status != _OK:
            sentence = error.message.decode("utf-8", "replace") or self._engine._phrase(status)
            raise UserError(f"{model.path}: {sentence}")
        self._handle = handle.value

    def reset(self, seed: int = 0) -> None:
        """Back to the beginning; parameters and conditions stay as set."""
        status = self._library.cadenza_stream_reset(self._open_handle(), _checked_seed(seed))
        self._check(status, "resetting")

    def set_condition(self, name: str, value: float | str | Sequence[float | str]) -> None:
        """Sets a condition by name: a class as its index or label, a vector as its numbers.

        A local condition takes several values one after another, in one flat list.
        """
        place = next(
            (i for i, entry in enumerate(self.model.conditions) if entry.name == name), None
        )
        if place is None:
            known = ", ".join(entry.name for entry in self.model.conditions) or "none"
            raise UserError(f"{self.model.path} has no condition {name!r}; its conditions: {known}")
        condition = self.model.conditions[place]
        entries = [value] if isinstance(value, str) else np.atleast_1d(value).ravel().tolist()
        numbers = np.array([_condition_number(condition, entry) for entry in entries], np.float32)
        status = self._library.cadenza_stream_set_condition(
            self._open_handle(), place, _float_pointer(numbers), len(numbers)
        )
        if status == _ERROR_STATE:
            raise UserError(
                f"condition {name!r}: its queue of {condition.queue_capacity} values has no room "
                f"for {len(numbers)} numbers; generate before setting more"
            )
        expected = (
            f"class indices 0 … {condition.size - 1}"
            if condition.kind == "class"
            else f"{condition.size} finite numbers a value"
        )
        self._check(status, f"condition {name!r} set to {value!r}; expected {expected}")

    def set_parameter(self, name: str, value: float) -> None:
        """`temperature`, `top_k`, `top_p`, `gain`, a composer's `tempo` or, of what is encoded, the
        `mix`; the next block uses it."""
        status = self._library.cadenza_stream_set_parameter(
            self._open_handle(), _PARAMETERS[name], value
        )
        self._check(status, f"{name} set to {value}")

    def parameter(self, name: str) -> float:
        value = ctypes.c_float()
        status = self._library.cadenza_stream_get_parameter(
            self._open_handle(), _PARAMETERS[name], value
        )
        self._check(status, f"reading {name}")
        return value.value

    def prime(self, samples: ArrayLike) -> None:
        """Feeds samples at the model's rate, as if the stream had generated them."""
        sound = _mono(samples)
        status = self._library.cadenza_stream_prime(
            self._open_handle(), _float_pointer(sound), len(sound)
        )
        self._check(status, f"priming with {len(sound)} samples")

    def score(self, samples: ArrayLike) -> float:
        """Primes, and returns the summed negative log-likelihood of the samples in nats."""
        sound = _mono(samples)
        nats = ctypes.c_double()
        status = self._library.cadenza_stream_score(
            self._open_handle(), _float_pointer(sound), len(sound), nats
        )
        self._check(status, f"scoring {len(sound)} samples")
        return nats.value

    def generate(self, frames: int) -> NDArray[np.float32]:
        """The next `frames` mono samples."""
        sound = np.zeros(frames, np.float32)
        status = self._library.cadenza_generate_block(
            self._open_handle(), _float_pointer(sound), frames
        )
        self._check(status, f"generating {frames} samples")
        return sound

    def compose(self, frames: int) -> list[NoteEvent]:
        """Moves a composer's time on by `frames`, or to the end of its piece, and returns what
        happened; frames count from the first of these."""
        handle = self._open_handle()
        sound = np.zeros(min(frames, _COMPOSING_BLOCK_FRAMES), np.float32)
        room = (_Event * _MOST_EVENTS)()
        count = ctypes.c_size_t()
        found: list[NoteEvent] = []
        for start in range(0, frames, _COMPOSING_BLOCK_FRAMES):
            block = min(_COMPOSING_BLOCK_FRAMES, frames - start)
            status = self._library.cadenza_generate_block(handle, _float_pointer(sound), block)
            self._check(status, f"composing {block} frames")
            status = self._library.cadenza_stream_read_events(handle, room, _MOST_EVENTS, count)
            self._check(status, "reading events")
            if status == _EVENTS_LOST:
                raise UserError(f"{self.model.path}: more events in a block than the engine keeps")
            for event in room[: count.value]:
                kind = _EVENT_KINDS[event.kind]
                found.append(
                    NoteEvent(
                        start + event.frame,
                        kind,
                        event.voice,
                        event.pitch,
                        event.velocity,
                        event.beat,
                    )
                )
                if kind == "end":
                    return found
        return found

    def prime_events(self, events: Sequence[NoteEvent], frames: int) -> None:
        """Gives a composer a piece of `frames` frames to continue."""
        status = self._library.cadenza_stream_prime_events(
            self._open_handle(), _event_array(events), len(events), frames
        )
        self._check(status, f"priming with {len(events)} events")

    def score_events(self, events: Sequence[NoteEvent], frames: int) -> tuple[float, int]:
        """Primes, and returns the summed negative log-likelihood of the piece's choices in nats,
        and how many they are."""
        nats, choices = ctypes.c_double(), ctypes.c_uint64()
        status = self._library.cadenza_stream_score_events(
            self._open_handle(), _event_array(events), len(events), frames, nats, choices
        )
        self._check(status, f"scoring {len(events)} events")
        return nats.value, choices.value

    def encode(self, samples: ArrayLike, slot: int = 0) -> None:
        """Encodes a recording at the model's rate into slot 0 or 1; the parameter `mix` goes from
        one to the other."""
        sound = _mono(samples)
        self._encoded(self._library.cadenza_stream_encode, slot, _float_pointer(sound), len(sound))

    def encode_events(self, events: Sequence[NoteEvent], frames: int, slot: int = 0) -> None:
        """The same of a melody of `frames` frames."""
        self._encoded(
            self._library.cadenza_stream_encode_events,
            slot,
            _event_array(events),
            len(events),
            frames,
        )

    def set_encoded(self, latent: ArrayLike, slot: int = 0) -> None:
        """Fills a slot with numbers, as `Model.encode` gives them."""
        numbers = np.ascontiguousarray(latent, np.float32).ravel()
        self._encoded(
            self._library.cadenza_stream_set_encoded, slot, _float_pointer(numbers), len(numbers)
        )

    def _encoded(self, function: Callable[..., int], slot: int, *given: object) -> None:
        error = _Error()
        if function(self._open_handle(), slot, *given, error) != _OK:
            raise UserError(f"{self.model.path}: {error.message.decode('utf-8', 'replace')}")

    def save_state(self) -> bytes:
        """All that decides what comes next; any stream of the same model can load it."""
        handle = self._open_handle()
        size = ctypes.c_size_t()
        self._check(self._library.cadenza_stream_save_state(handle, None, size), "saving the state")
        buffer = ctypes.create_string_buffer(size.value)
        status = self._library.cadenza_stream_save_state(handle, buffer, size)
        self._check(status, "saving the state")
        return buffer.raw[: size.value]

    def load_state(self, state: bytes) -> None:
        status = self._library.cadenza_stream_load_state(self._open_handle(), state, len(state))
        self._check(status, f"loading a state of {len(state)} bytes")

    def statistics(self) -> Statistics:
        found = _StreamStatistics(struct_size=ctypes.sizeof(_StreamStatistics))
        status = self._library.cadenza_stream_get_statistics(self._open_handle(), found)
        self._check(status, "reading statistics")
        return Statistics(**{name: getattr(found, name) for name in Statistics.__annotations__})

    def close(self) -> None:
        """Frees the stream and its reference to the model. Twice is fine."""
        handle, self._handle = self._handle, None
        if handle is not None:
            self._library.cadenza_stream_destroy(handle)

    def __enter__(self) -> Stream:
        return self

    def _check(self, status: int, doing: str) -> None:
        # Above zero is information (a finished piece), not an error.
        if status < _OK:
            raise UserError(f"{self.model.path}: {doing}: {self._engine._phrase(status)}")


def _checked_seed(seed: int) -> int:
    if not 0 <= seed < 2**64:
        raise UserError(f"the seed is {seed}; expected a whole number from 0 to 2^64 - 1")
    return seed


def _condition_number(condition: Condition, entry: float | str) -> float:
    if not isinstance(entry, str):
        return float(entry)
    if entry not in condition.labels:
        known = ", ".join(condition.labels) or "none, its classes have numbers only"
        raise UserError(f"condition {condition.name!r} has no label {entry!r}; labels: {known}")
    return float(condition.labels.index(entry))


def _mono(samples: ArrayLike) -> NDArray[np.float32]:
    sound = np.ascontiguousarray(samples, dtype=np.float32)
    if sound.ndim != 1:
        raise UserError(f"samples of shape {sound.shape}; expected one channel, a flat array")
    return sound


def _event_array(events: Sequence[NoteEvent]) -> ctypes.Array:
    return (_Event * len(events))(
        *(
            _Event(
                event.frame,
                _EVENT_KINDS.index(event.kind),
                event.voice,
                event.pitch,
                event.velocity,
                event.beat,
            )
            for event in events
        )
    )


def _float_pointer(values: NDArray[np.float32]) -> ctypes._Pointer:
    return values.ctypes.data_as(_floats)
