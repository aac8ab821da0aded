"""What `import dlt_pipeline` offers is listed, is there, and says what it is."""

import pkgutil

import dlt_pipeline


def test_every_listed_name_is_there_with_its_docstring() -> None:
    listed = dir(dlt_pipeline)
    assert {"load", "build", "publish", "kraken_source", "__version__"} <= set(listed)
    for name in listed:
        member = getattr(dlt_pipeline, name)
        assert isinstance(member, str) if name == "__version__" else member.__doc__, name


def test_no_folder_takes_the_name_of_a_function() -> None:
    """Python puts an imported folder in the place of the function of its name."""
    folders = {module.name for module in pkgutil.iter_modules(dlt_pipeline.__path__)}
    assert not folders & set(dlt_pipeline.__all__)
