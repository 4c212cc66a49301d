"""A Whisper model of a few kilobytes, its weights drawn by lot: it runs like any, and hears nothing right."""

import json
from pathlib import Path

import ctranslate2
import numpy as np
from ctranslate2.specs import common_spec, whisper_spec
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

SIZE, MELS, POSITIONS, LONGEST = 16, 80, 1500, 448
LETTERS = sorted(pre_tokenizers.ByteLevel.alphabet())
SPECIAL = [
    *("<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|translate|>", "<|transcribe|>", "<|startoflm|>"),
    *("<|startofprev|>", "<|nospeech|>", "<|notimestamps|>", *(f"<|{place * 0.02:.2f}|>" for place in range(1501))),
]


def model(folder: Path) -> Path:
    """Write the model into a new folder, in CTranslate2's format with its tokenizer."""
    spec = whisper_spec.WhisperSpec(1, 2, 1, 2)
    random = np.random.default_rng(5)

    def drawn(*shape: int) -> np.ndarray:
        return random.normal(0, 0.3, shape).astype(np.float32)

    def linear(layer: common_spec.LinearSpec, to: int, of: int) -> None:
        layer.weight, layer.bias = drawn(to, of), drawn(to)

    def norm(layer: common_spec.LayerNormSpec) -> None:
        layer.gamma, layer.beta = np.ones(SIZE, np.float32), np.zeros(SIZE, np.float32)

    def attention(layer, parts: tuple[int, ...]) -> None:
        norm(layer.layer_norm)
        for one, times in zip(layer.linear, parts, strict=True):
            linear(one, SIZE * times, SIZE)

    def feed_forward(layer) -> None:
        norm(layer.layer_norm)
        linear(layer.linear_0, 4 * SIZE, SIZE)
        linear(layer.linear_1, SIZE, 4 * SIZE)

    for convolution, of in ((spec.encoder.conv1, MELS), (spec.encoder.conv2, SIZE)):
        convolution.weight, convolution.bias = drawn(SIZE, of, 3), drawn(SIZE)
    spec.encoder.position_encodings.encodings = drawn(POSITIONS, SIZE)
    spec.decoder.position_encodings.encodings = drawn(LONGEST, SIZE)
    vocabulary = LETTERS + SPECIAL
    spec.decoder.embeddings.weight = drawn(len(vocabulary), SIZE)
    spec.decoder.projection.weight = spec.decoder.embeddings.weight
    spec.decoder.scale_embeddings = False
    for part in (spec.encoder, spec.decoder):
        norm(part.layer_norm)
        for layer in part.layer:
            attention(layer.self_attention, (3, 1))
            feed_forward(layer.ffn)
    for layer in spec.decoder.layer:
        attention(layer.attention, (1, 2, 1))
    ids = {token: place for place, token in enumerate(vocabulary)}
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [ids["<|endoftext|>"]]
    spec.config.lang_ids = [ids["<|en|>"]]
    spec.config.alignment_heads = [(0, 0)]
    spec.register_vocabulary(vocabulary)
    spec.validate()
    folder.mkdir()
    spec.save(str(folder))
    tokenizer = Tokenizer(models.BPE(vocab={letter: ids[letter] for letter in LETTERS}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    assert all(tokenizer.token_to_id(token) == ids[token] for token in vocabulary)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": MELS}))
    assert ctranslate2.contains_model(str(folder))
    return folder
