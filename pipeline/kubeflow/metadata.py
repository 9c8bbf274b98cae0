"""What a run left behind, as KFP's web page reads it: ML Metadata over gRPC-Web, and the files of artifacts.

The page's own server answers both, so `host` has to be its address, as the README has it, and not the API server's.
gRPC-Web: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from google.protobuf.message import DecodeError

from components.report.lineage import read_properties
from pipeline.kubeflow.places import SESSION_INFO, restore_properties
from pipeline.kubeflow.transport import KubeflowError, MissingError, Transport

_SERVICE = "//ml_metadata.MetadataStoreService"
_GRPC_WEB = "application/grpc-web+proto"
_MESSAGE, _TRAILERS = 0x00, 0x80
_PAGE = 100
METRICS_TYPE, RUN_TYPE = "system.Metrics", "system.PipelineRun"
# The page's names of stores.
_SOURCES = {"gs": "gcs", "minio": "minio", "s3": "s3"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArtifact:
    """An artifact of a run: its address in the object store, what KFP notes of that store, its custom properties."""

    uri: str
    store: str
    properties: Mapping[str, Any]


class RunMetadata:
    """Reads what runs wrote."""

    def __init__(self, transport: Transport, namespace: str) -> None:
        self._transport = transport
        self._namespace = namespace

    def read_outputs(self, run_id: str) -> dict[str, StoredArtifact]:
        """Return the artifacts that the stages of a run made, as `Stage.key`.

        Raises:
            MissingError: ML Metadata has no such run.
            KubeflowError: ML Metadata is not to be had.
        """
        context = self._ask("GetContextByTypeAndName", type_name=RUN_TYPE, context_name=run_id).context
        if not context.id:
            raise MissingError(f"run {run_id}: ML Metadata has none of that id")
        executions = self._ask("GetExecutionsByContext", context_id=context.id).executions
        stages = {each.id: each.custom_properties["task_name"].string_value for each in executions}
        events = self._ask("GetEventsByExecutionIDs", execution_ids=list(stages)).events
        made = {event.artifact_id: event for event in events if event.type == event.OUTPUT}
        artifacts = self._ask("GetArtifactsByID", artifact_ids=list(made)).artifacts if made else []
        outputs = {}
        for artifact in artifacts:
            event = made[artifact.id]
            outputs[f"{stages[event.execution_id]}.{event.path.steps[0].key}"] = _read(artifact)
        return outputs

    def list_metrics(self) -> Iterator[StoredArtifact]:
        """Yield the metrics that runs wrote, newest first; a run's id is a part of the address.

        Raises:
            KubeflowError: ML Metadata is not to be had.
        """
        token = ""
        while True:
            page = self._ask("GetArtifactsByType", type_name=METRICS_TYPE, options=_list_newest(token))
            yield from map(_read, page.artifacts)
            token = page.next_page_token
            if not token:
                return

    def fetch_file(self, artifact: StoredArtifact, name: str = "") -> bytes:
        """Return the file at an artifact's address, or that of a name below it.

        Raises:
            KubeflowError: It is not to be had.
        """
        address = urlsplit(artifact.uri)
        if address.scheme not in _SOURCES:
            raise KubeflowError(f"{artifact.uri}: expected an address that starts with {', '.join(_SOURCES)}")
        query = {"source": _SOURCES[address.scheme], "bucket": address.netloc}
        query["key"] = "/".join(part for part in (address.path.strip("/"), name) if part)
        if self._namespace:
            query["namespace"] = self._namespace
        if artifact.store:
            query["providerInfo"] = artifact.store
        return self._transport.fetch("/artifacts/get", query)

    def _ask(self, method: str, **fields: Any) -> Any:
        from ml_metadata.proto import metadata_store_service_pb2 as service

        request = getattr(service, f"{method}Request")(**fields).SerializeToString()
        body = bytes([_MESSAGE]) + len(request).to_bytes(4, "big") + request
        answer = self._transport.fetch(f"{_SERVICE}/{method}", body=body, content_type=_GRPC_WEB)
        host = self._transport.configuration.host
        response = getattr(service, f"{method}Response")()
        try:
            response.ParseFromString(_unpack(answer))
        except (DecodeError, ValueError) as error:
            raise KubeflowError(
                f"{host}: the answer is none of ML Metadata ({error}); expected the address of KFP's web page"
            ) from error
        return response


def _unpack(answer: bytes) -> bytes:
    """Return the message in an answer.

    Raises:
        ValueError: It is no gRPC-Web, or holds an error.
    """
    message, place = b"", 0
    while place < len(answer):
        kind, length = answer[place], int.from_bytes(answer[place + 1 : place + 5], "big")
        content = answer[place + 5 : place + 5 + length]
        if kind not in (_MESSAGE, _TRAILERS) or len(content) != length:
            raise ValueError("it is no gRPC-Web")
        if kind == _MESSAGE:
            message = content
        elif b"grpc-status:0" not in content.replace(b" ", b""):
            raise ValueError(content.decode(errors="replace").strip())
        place += 5 + length
    return message


def _list_newest(token: str) -> Any:
    from ml_metadata.proto import metadata_store_pb2

    options = metadata_store_pb2.ListOperationOptions(max_result_size=_PAGE, next_page_token=token)
    options.order_by_field.field = options.OrderByField.CREATE_TIME
    options.order_by_field.is_asc = False
    return options


def _read(artifact: Any) -> StoredArtifact:
    values = read_properties(artifact.custom_properties)
    store = str(values.get(SESSION_INFO, ""))
    return StoredArtifact(uri=artifact.uri, store=store, properties=restore_properties(values))
