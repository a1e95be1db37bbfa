"""A sentence spoken by eSpeak NG, a synthesiser that arrives as a package."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.signal import resample_poly

from reportgen.models.packaged import PackagedModel

DATA = ("phontab", "phondata", "phonindex", "intonations", "en_dict", "lang/gmw/en")
ESPEAK = PackagedModel(
    name="espeak-ng",
    title="eSpeak NG",
    package="espeakng-loader",
    version="0.2.4",
    wheel_sha256="08721baf27d13d461f6be6eed9a65277e70d68234ff484fd8b9897b222cdcb6d",
    wheel_megabytes=10.1,
    weights="espeakng_loader/libespeak-ng.so",
    beside=tuple(f"espeak-ng-data/{name}" for name in DATA),
    disk_megabytes=2,
    licence="GPL-3.0",
)
SYNCHRONOUS, CHARACTERS, UTF8 = 2, 1, 1  # of espeak_ng/speak_lib.h
RATE = 16_000
Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def speak(folder: Path, text: str) -> Float[np.ndarray, " sample"]:
    """The text in an English voice, 16,000 samples a second from -1 to 1."""
    library, heard = ctypes.CDLL(str(folder / "libespeak-ng.so")), []

    def hear(samples: ctypes._Pointer, count: int, _: int) -> int:
        if samples and count:
            heard.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    rate = library.espeak_Initialize(SYNCHRONOUS, 0, str(folder).encode(), 0)
    assert rate > 0
    listener = Callback(hear)
    library.espeak_SetSynthCallback(listener)
    assert library.espeak_SetVoiceByName(b"en") == 0
    spoken = text.encode() + b"\0"
    assert library.espeak_Synth(spoken, len(spoken), 0, CHARACTERS, 0, UTF8, None, None) == 0
    library.espeak_Synchronize()
    common = np.gcd(RATE, rate)
    return resample_poly(np.concatenate(heard) / 32768, RATE // common, rate // common).astype(np.float32)
