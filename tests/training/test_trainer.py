"""The Trainer on a machine with several GPUs."""

from transformers import TrainingArguments

from pipeline.training.trainer import use_one_gpu


def test_of_several_gpus_one_is_used_and_that_is_said(tmp_path, capsys):
    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True)
    use_one_gpu(arguments)
    assert capsys.readouterr().err == ""
    arguments._n_gpu = 2
    before = arguments.train_batch_size
    use_one_gpu(arguments)
    assert arguments.n_gpu == 1  # with more, the Trainer makes the model a DataParallel
    assert arguments.train_batch_size == before / 2
    assert "of 2 GPUs one is used; accelerate launch" in capsys.readouterr().err
