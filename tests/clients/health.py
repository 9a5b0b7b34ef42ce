"""Health probes with grpcio-health-checking.

    health.py ADDRESS [SERVICE...]

Waits for the server as a whole to be ready, 10 s at most, as an orchestrator does. Then checks each service and prints
a JSON object: what its status is, or with which code the check was refused.
"""

import json
import sys

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub


def wait_until_ready(health: HealthStub) -> None:
    for answer in health.Watch(HealthCheckRequest(service=""), timeout=10):
        if answer.status == HealthCheckResponse.SERVING:
            return
    sys.exit("the server stopped telling how it is")


def check(health: HealthStub, service: str) -> str:
    try:
        answer = health.Check(HealthCheckRequest(service=service), timeout=10)
    except grpc.RpcError as error:
        return error.code().name
    return HealthCheckResponse.ServingStatus.Name(answer.status)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    with grpc.insecure_channel(sys.argv[1]) as channel:
        stub = HealthStub(channel)
        wait_until_ready(stub)
        print(json.dumps({service: check(stub, service) for service in sys.argv[2:]}))
