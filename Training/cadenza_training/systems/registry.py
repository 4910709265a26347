"""Systems by the name that a configuration states."""

from __future__ import annotations

from cadenza_training.errors import UserError
from cadenza_training.systems.latent_audio.adversarial import AdversarialAudio
from cadenza_training.systems.latent_audio.variational import VariationalAudio
from cadenza_training.systems.melody_vae.melody_vae import MelodyVae
from cadenza_training.systems.note_matrix.note_matrix import NoteMatrix
from cadenza_training.systems.notes.notes import Notes
from cadenza_training.systems.raw_audio.raw_audio import RawAudio
from cadenza_training.systems.spectrogram.spectrogram import Spectrogram
from cadenza_training.systems.system import System
from cadenza_training.systems.wavenet_autoencoder.wavenet_autoencoder import WavenetAutoencoder

SYSTEMS: dict[str, type[System]] = {
    "adversarial_audio": AdversarialAudio,
    "melody_vae": MelodyVae,
    "note_matrix": NoteMatrix,
    "notes": Notes,
    "raw_audio": RawAudio,
    "spectrogram": Spectrogram,
    "variational_audio": VariationalAudio,
    "wavenet_autoencoder": WavenetAutoencoder,
}


def find_system(name: str) -> type[System]:
    if name not in SYSTEMS:
        raise UserError(f'system "{name}" is not one of {", ".join(sorted(SYSTEMS))}')
    return SYSTEMS[name]
