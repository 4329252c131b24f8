from typing import Self

from pydantic import Field, SecretStr, model_validator

from store.settings import EnvironmentSettings


class S3Settings(EnvironmentSettings):
    """The object storage for pictures, with the protocol of S3."""

    s3_bucket: str | None = Field(None, description="Bucket of an object storage for pictures; empty: none is used")
    s3_endpoint: str | None = Field(
        None, pattern="^https?://", description="Address of an object storage other than Amazon's"
    )
    s3_region: str | None = Field(None, description="Region of the bucket; empty: that of AWS_REGION or of the profile")
    s3_prefix: str = Field("", description="Beginning of the names of all objects, such as exemplar/")
    s3_access_key_id: str | None = Field(
        None,
        description="Access key; empty: credentials are found as every AWS program does (variables, profile, role)",
    )
    s3_secret_access_key: SecretStr | None = Field(None, description="The secret of the access key")
    s3_timeout_ms: int = Field(
        5000, ge=100, description="Timeout of a connection to the object storage, and of its silence, milliseconds"
    )
    s3_connections: int = Field(50, ge=1, description="Connections to the object storage per process")

    @model_validator(mode="after")
    def _with_both_keys(self) -> Self:
        if (self.s3_access_key_id is None) != (self.s3_secret_access_key is None):
            raise ValueError("EXEMPLAR_S3_ACCESS_KEY_ID and EXEMPLAR_S3_SECRET_ACCESS_KEY belong together: set both")
        return self
