"""Signatures as AWS publishes them."""

from datetime import UTC, datetime

from dataplane.bundle.sigv4 import AwsCredentials, path_encoded, signed_headers


def test_a_get_of_s3_as_in_aws_s_description() -> None:
    """'Examples: Signature Calculations', Amazon S3 API Reference, GET Object."""
    found = signed_headers(
        "GET",
        "https://examplebucket.s3.amazonaws.com/test.txt",
        {"Range": "bytes=0-9"},
        b"",
        credentials=AwsCredentials(
            access_key="AKIAIOSFODNN7EXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
        ),
        region="us-east-1",
        now=datetime(2013, 5, 24, tzinfo=UTC),
    )
    assert found["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


def test_the_plain_get_of_aws_s_test_suite() -> None:
    """get-vanilla, aws-sig-v4-test-suite."""
    found = signed_headers(
        "GET",
        "https://example.amazonaws.com/",
        {},
        b"",
        credentials=AwsCredentials(
            access_key="AKIDEXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
        ),
        region="us-east-1",
        now=datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
        service="service",
    )
    assert found["authorization"].endswith("5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")


def test_a_session_token_is_signed_and_no_secret_is_shown() -> None:
    credentials = AwsCredentials(access_key="AKID", secret_key="hidden-1", session_token="hidden-2")
    assert "hidden" not in repr(credentials)
    found = signed_headers(
        "PUT", "https://h/b/k", {}, b"x", credentials=credentials, region="r", now=datetime.now(UTC)
    )
    assert found["x-amz-security-token"] == "hidden-2"
    assert "x-amz-security-token" in found["authorization"]


def test_a_path_is_encoded_once() -> None:
    assert path_encoded("a b/ü=+@.tar.gz") == "a%20b/%C3%BC%3D%2B%40.tar.gz"
