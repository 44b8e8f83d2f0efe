"""What a training starts from: a pretrained checkpoint, other weights of the run, or nothing."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedModel

from pipeline.data import remarks
from pipeline.data.data_sets import Corpus
from pipeline.models import fake_quantization, networks, ngrams
from pipeline.models.networks import Tokenizer
from pipeline.progress import say
from pipeline.recipes.roles import Checkpoint, Family, Model, QuantizationAware, Trained
from pipeline.runs import lineage
from pipeline.runs.calibration_rows import calibration_batches
from pipeline.training.distillation import HiddenTeacher, hidden_teacher


@dataclass(frozen=True)
class Starts:
    """The networks with which the trainings of a family start."""

    family: Family
    corpus: Corpus
    checkpoints: Path | None
    """Folder of the pretrained checkpoints; None: the Hub."""
    inputs: dict[str, str]
    """What the fingerprints depend on: see ``fingerprinting.inputs``."""
    weights: Callable[[str], Path]
    """Returns the folder of a role's weights, which are trained first if they are missing."""
    has_weights: Callable[[str], bool]
    """Whether a role's weights are there already."""
    int8_bits: Callable[[str], int]
    """Returns the bits of a role's int8 weights."""

    def of(self, model: Model) -> tuple[PreTrainedModel, Tokenizer]:
        """The network and tokenizer with which a model's training starts."""
        network: PreTrainedModel
        tokenizer: Tokenizer
        checkpoint = lineage.starting_checkpoint(self.family, model, self.inputs)
        parent = lineage.made_from(model, self.inputs)
        if checkpoint:
            network, tokenizer = self._load(checkpoint)
        elif parent:
            network, tokenizer = networks.read(self.weights(parent))
        else:
            assert isinstance(model, Trained)
            assert model.shape
            network, tokenizer = ngrams.new(model.shape, self.corpus.labels)
        if isinstance(model, Trained) and model.layers:
            networks.keep_layers(network, model.layers)
        if isinstance(model, Trained) and model.vocabulary:
            texts = self.corpus.train.texts
            assert not isinstance(tokenizer, ngrams.NGramTokenizer), "n-grams have no vocabulary"
            tokenizer = networks.keep_pieces(network, tokenizer, model.vocabulary, texts)
        if isinstance(model, QuantizationAware):
            fake_quantization.prepare(network, self.int8_bits(model.role))
            batches = calibration_batches(self.corpus, tokenizer, self.family.max_length)
            fake_quantization.calibrate(network, batches)
        return network, tokenizer

    def hidden_teacher(self, model: Model) -> HiddenTeacher:
        """The teacher whose hidden states a student matches."""
        role = lineage.taught_by(model)
        assert role
        teacher, its_tokenizer = networks.read(self.weights(role))
        _, tokenizer = self.of(model)
        assert not isinstance(its_tokenizer, ngrams.NGramTokenizer), "it has hidden states"
        assert not isinstance(tokenizer, ngrams.NGramTokenizer), "it has hidden states"
        return hidden_teacher(teacher, its_tokenizer, tokenizer)

    def check(self, roles: Iterable[str]) -> None:
        """Load every checkpoint that the trainings of these roles start from, to find its faults.

        Raises:
            PipelineError: a checkpoint can't be found, does not fit, or has fewer layers than a
                role keeps.
        """
        warned = False
        for start, models in self._needed(roles).items():
            network, tokenizer = self._load(start)
            for model in models:
                if model.layers:
                    networks.check_layers(network, model.layers)
            warned = warned or self._warn_of_cut_texts(start, tokenizer)

    def _needed(self, roles: Iterable[str]) -> dict[Checkpoint, list[Trained]]:
        """The models by the checkpoint that they, or parents without weights, start from."""
        models = self.family.by_role()
        needed: dict[Checkpoint, list[Trained]] = {}
        for role in roles:
            model = models[role]
            if not isinstance(model, Trained):
                continue
            start = lineage.starting_checkpoint(self.family, model, self.inputs)
            parent = lineage.made_from(model, self.inputs)
            if parent and not self.has_weights(parent):
                start = lineage.starting_checkpoint(self.family, models[parent], self.inputs)
            if start:
                needed.setdefault(start, []).append(model)
        return needed

    def _load(self, start: Checkpoint) -> tuple[PreTrainedModel, Tokenizer]:
        length = self.family.max_length
        return networks.load_checkpoint(
            start.name, start.architecture, self.checkpoints, self.corpus.labels, length
        )

    def _warn_of_cut_texts(self, start: Checkpoint, tokenizer: Tokenizer) -> bool:
        """Warn if models of a checkpoint cut off many texts. Return whether there was a warning."""

        def count(texts: list[str]) -> list[int]:
            return [len(ids) for ids in tokenizer(texts, verbose=False)["input_ids"]]

        texts, length = self.corpus.train.texts, self.family.max_length
        line = remarks.cut(texts, count, length, start.name)
        if line:
            say(f"warning: {line}")
        return bool(line)
