"""What `import dlt_pipeline` offers is listed, is there, and says what it is."""

import dlt_pipeline


def test_every_listed_name_is_there_with_its_docstring() -> None:
    listed = dir(dlt_pipeline)
    assert {"load", "build", "publish", "kraken_source", "__version__"} <= set(listed)
    for name in listed:
        member = getattr(dlt_pipeline, name)
        assert isinstance(member, str) if name == "__version__" else member.__doc__, name
