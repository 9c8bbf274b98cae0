"""ML Metadata's own C++ store, out of the ml-metadata wheel, served on gRPC as the cluster's metadata service does."""

from __future__ import annotations

import threading
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store
from ml_metadata.proto import metadata_store_pb2

_SERVICE = "/ml_metadata.MetadataStoreService/"
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class _Methods(grpc.GenericRpcHandler):
    """Hands each call to the store's function of that name: bytes in, bytes out."""

    def __init__(self, database: Path) -> None:
        config = metadata_store_pb2.ConnectionConfig()
        config.sqlite.filename_uri = str(database)
        config.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        options = metadata_store_pb2.MigrationOptions()
        self._store = metadata_store.CreateMetadataStore(config.SerializeToString(), options.SerializeToString())
        self._lock = threading.Lock()

    def service(self, handler_call_details: Any) -> Any:
        function = getattr(metadata_store, handler_call_details.method.removeprefix(_SERVICE), None)

        def call(request: bytes, context: grpc.ServicerContext) -> bytes:
            with self._lock:
                response, message, code = function(self._store, request)
            if code:
                context.abort(_CODES[code], message.decode() if isinstance(message, bytes) else message)
            return response

        return function and grpc.unary_unary_rpc_method_handler(call)


class MetadataServer:
    """Serves on a free port of this machine until it is stopped."""

    def __init__(self, database: Path) -> None:
        self._server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", -1)])
        self._server.add_generic_rpc_handlers((_Methods(database),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def stop(self) -> None:
        self._server.stop(grace=None)
