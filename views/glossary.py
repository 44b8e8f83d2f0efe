"""What the dashboard's words and figures mean: the text of its hovers and of its glossary.

Words in braces depend on the data set; ``fill`` replaces them.
"""

from pipeline.data.declarations import DataSet

GLOSSARY = {
    "Accuracy": "Share of the test {nouns} that the model puts in the right class.",
    "Accuracy on headlines alone": "The same share of 400 headlines that were invented for this "
    "project, a class in mind for each. AG News's rows are a title with its description; what "
    "people paste is a title, and some models lose much there. No model learned from these.",
    "Macro-F1": "F1 of a class joins its precision (of the {nouns} called so, the share that "
    "are) and its recall in one figure; macro-F1 is the plain mean over the classes. Unlike "
    "accuracy it can't be had by ignoring a rare class.",
    "Worst class's recall": "Recall of a class is the share of its {nouns} that the model finds. "
    "This is the recall of the class that it finds least often.",
    "Agreement with the teacher": "Share of the test {nouns} on which the model gives the "
    "teacher's answer, right or wrong: how far it can stand in for it unnoticed.",
    "Calibration error": "How far the model's confidence is from how often it is right: at 0, of "
    "the {nouns} of which it is 90 % sure, 90 % are right. Lower is better. (ECE, Guo et al. "
    "2017, 15 bins.)",
    "Negative log-likelihood": "How surprised the model is by the true classes, on average over "
    "the {nouns}: −ln of the probability that it gave them (NLL, in nats). Lower is better.",
    "Temperature": "One number that a model's raw scores (logits) are divided by before they "
    "become probabilities: above 1 it makes the model less sure, below 1 surer. Calibration fits "
    "one on the validation rows; another softens a teacher's probabilities for its student.",
    "Size": "Megabytes (10⁶ bytes) of the files that are deployed: the ONNX graph with its "
    "weights. It is the very file that gave the predictions.",
    "Latency p50": "Milliseconds to classify one whole row, the median: half are faster.",
    "Mean latency": "Milliseconds to classify one whole row in the mean. Of a cascade it says more "
    "than the median, which is that of the texts that its first model answers.",
    "Latency p95": "Milliseconds to classify one whole row at the 95th percentile: one in twenty "
    "takes longer.",
    "Latency of {a_short}": "Milliseconds to classify one {short} of 8 to 20 words, the median. "
    "A dash: the run is older than this figure.",
    "Throughput": "Test rows that are classified in a second when there are many, as classify does "
    "it.",
    "Peak memory": "The most memory (MB) that a process held which did nothing but serve the "
    "model.",
    "Parameters": "Millions of trained numbers in the model. Quantizing makes each of them "
    "smaller, not fewer.",
    "Cost of a million {nouns}": "1,000,000 ÷ rows per second (the throughput) ÷ 3,600 × "
    "threads used × your price of one core for one hour. Threads are those that the figure was "
    "measured with. The price's currency is this one's.",
    "95 % interval": "If other test {nouns} of the same kind had been drawn, the figure would "
    "have come out a little different; the interval says by how much. It does not cover another "
    "training run.",
    "Pareto-optimal": "No other model is both cheaper and better. For any other model there is one "
    "that is at least as good on both axes.",
    "Recommended model": "The smallest model that fits the limits and is shown to be within the "
    "margin of the reference. If none is, the one of those that fit which is most accurate on "
    "validation.",
    "Reference": "The model that is most accurate on the validation rows, whatever it costs. All "
    "others are compared with it on the test rows, by which it was not chosen.",
    "Margin": "How many points less accurate than the reference a model may be and still be "
    "recommended for its size. It counts as within the margin only if the test shows it: the lower "
    "end of its 95 % bounds must be.",
    "Simultaneous bounds": "How far apart two models may be that answered the same test {nouns}: "
    "in 95 of 100 sets of test {nouns}, the bounds of all comparisons of a run hold at once. "
    "(Tango's score interval of paired proportions, with Bonferroni's correction.)",
    "No difference found": "The bounds hold zero: with these test {nouns}, chance alone could "
    "explain the difference. It is no proof that the two are equal; how far apart they may be is "
    "what the bounds say.",
    "McNemar's test": "A test of two models on the same {nouns}: of those on which exactly one "
    "is right, is either right more often than a coin would have it? p is the chance of so large "
    "a difference if they were equally good, times the number of comparisons (Bonferroni).",
    "Teacher": "The large model that is fine-tuned on the labels and that all others are made "
    "from.",
    "Distillation": "Training a smaller model, the student, to give the teacher's probabilities "
    "instead of the bare labels.",
    "No-teacher baseline": "A student trained on the labels alone, without the teacher, and "
    "otherwise in the same way: the difference between the two is what the teacher added.",
    "Ablation": "A student taught with one thing more, or less, than the one that is deployed: the "
    "difference between the two is what that thing added.",
    "Seed": "The number that training's random choices start from. Trained again from another "
    "seed, the same recipe gives a slightly other model; how far apart these come out is the part "
    "of a figure that is luck.",
    "Quantization": "Storing weights (and computing) with 8-bit or 4-bit whole numbers instead of "
    "32-bit fractions: about a quarter or an eighth of the size.",
    "Dynamic int8": "Weights are 8-bit; the range of what flows through the model is measured "
    "again for each input.",
    "Static int8": "Weights are 8-bit; the ranges are found once, beforehand, on training rows.",
    "Quantization-aware": "Trained further while everything is rounded as it will be when "
    "deployed, so that the model learns to bear it.",
    "Fingerprint": "A hash of the settings, the data and all that a model is made from. If today's "
    "recipe has another one, the model is marked stale.",
}


UNSEEN = "Accuracy on headlines alone"
"""A term only for data sets with examples that no model has learned from, as AG News has."""


def fill(text: str, known: DataSet) -> str:
    """Replace the braces in a text of the glossary or of an axis by a data set's nouns."""
    return text.format(
        noun=known.noun,
        nouns=known.nouns,
        a_noun=with_article(known.noun),
        short=known.short,
        a_short=with_article(known.short) if known.examples else f"a short {known.short}",
    )


def with_article(noun: str) -> str:
    """A noun with "a" or "an" before it, chosen by its first letter."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def meaning(term: str, known: DataSet) -> str:
    """The explanation of a term of ``GLOSSARY``, for a hover."""
    return fill(GLOSSARY[term], known)


def glossary(known: DataSet) -> dict[str, str]:
    """By term, the explanation: all terms that apply to a data set, with its nouns filled in."""
    return {
        fill(term, known): fill(text, known)
        for term, text in GLOSSARY.items()
        if term != UNSEEN or known.has_unseen_examples
    }
