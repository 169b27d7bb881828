"""What openlineage-python sends, over HTTP, over HTTP packed, and over Kafka: ADDRESS BOOTSTRAP TOPIC DATASET."""

import datetime
import sys

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import schema_dataset
from openlineage.client.uuid import generate_new_uuid

address, bootstrap, topic, dataset = sys.argv[1:]
http = {"type": "http", "url": f"http://{address}", "endpoint": "api/v1/lineage"}
kafka = {"type": "kafka", "config": {"bootstrap.servers": bootstrap}, "topic": topic, "flush": True}
transports = {"over-http": http, "over-http-gzip": {**http, "compression": "gzip"}, "over-kafka": kafka}
field = schema_dataset.SchemaDatasetFacetFields(name="id", type="long")
for name, transport in transports.items():
    client = OpenLineageClient(config={"transport": transport})
    run = Run(str(generate_new_uuid()))
    for state in (RunState.START, RunState.COMPLETE):
        read = InputDataset(
            f"kafka://{bootstrap}", dataset, facets={"schema": schema_dataset.SchemaDatasetFacet(fields=[field])}
        )
        client.emit(
            RunEvent(
                eventTime=datetime.datetime.now(datetime.timezone.utc).isoformat(),
                eventType=state,
                run=run,
                job=Job("python", name),
                inputs=[read],
                outputs=[OutputDataset("dw", "orders")],
                producer="https://example.com/python",
            )
        )
    client.close()
