"""gql: AIOHTTP for what is asked, and both of its WebSocket transports for what is followed.

`WebsocketsTransport` is told its protocol: it looks for the answered one under a spelling of its own, and takes silence for
the old protocol.
"""

import asyncio
import os
import sys
from contextlib import aclosing
from urllib.parse import urlsplit

from gql import Client, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.aiohttp_websockets import AIOHTTPWebsocketsTransport
from gql.transport.websockets import WebsocketsTransport
from partner import BASE_URL, CLIENT_ID, CLIENT_SECRET, signature

LOGIN = gql("mutation Login($input: LoginInput!) { login(input: $input) { token } }")
CREATE = gql(
    "mutation Create($input: CreateSalesOrderInput!) {"
    " createSalesOrder(input: $input) { replayed salesOrder { orderNumber totalAmount } } }"
)
LIST = gql("query List { salesOrders(first: 10) { nodes { orderNumber } } }")
FEED = gql("query Feed { salesOrderEvents { nodes { cursor } } }")
EVENTS = gql("subscription Events($after: String) { salesOrderEvents(after: $after) { cursor kind orderNumber } }")


class Link:
    """A way to the service that can be cut."""

    def __init__(self):
        self.writers, self.is_down = set(), False

    async def open(self):
        self.server = await asyncio.start_server(self.relay, "127.0.0.1", 0)
        self.address = "127.0.0.1:%d" % self.server.sockets[0].getsockname()[1]

    async def relay(self, reader, writer):
        if self.is_down:
            return writer.transport.abort()
        service = urlsplit(BASE_URL)
        far_reader, far_writer = await asyncio.open_connection(service.hostname, service.port)
        self.writers |= {writer, far_writer}

        async def pipe(source, sink):
            try:
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()
            except OSError:
                pass
            sink.transport.abort()

        await asyncio.gather(pipe(reader, far_writer), pipe(far_reader, writer))

    def cut(self):
        self.is_down = True
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()


def http(**headers):
    return Client(transport=AIOHTTPTransport(url=f"{BASE_URL}/graphql", headers=headers))


def asked(document, **variables):
    document.variable_values = variables
    return document


async def follow(transport):
    link = Link()
    await link.open()
    async with http() as session:
        credentials = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}
        token = (await session.execute(asked(LOGIN, input=credentials)))["login"]["token"]
    authorization = {"Authorization": f"Bearer {token}"}

    async def create(reference):
        order = {
            "customerCode": "CUST-001",
            "siteCode": "SITE-001",
            "salesName": "Siti Nurhaliza – Ωmega",
            "address": "Jl. Sudirman № 1\nJakarta",
            "products": [{"productCode": "HD9650", "quantity": 2, "unitPrice": "125000.5"}],
        }
        key = {"Idempotency-Key": f"{transport.__name__}-{reference}"}
        async with http(**authorization, **key, **signature()) as session:
            return (await session.execute(asked(CREATE, input=order)))["createSalesOrder"]

    first = await create("first")
    assert first["salesOrder"]["totalAmount"] == "250001", first
    assert (await create("first"))["replayed"] is True
    async with http(**authorization) as session:
        listed = await session.execute(LIST)
        assert first["salesOrder"] ["orderNumber"] in [node["orderNumber"] for node in listed["salesOrders"]["nodes"]]
        cursor = (await session.execute(FEED))["salesOrderEvents"]["nodes"][-1]["cursor"]

    told, heard, mended = [], asyncio.Condition(), asyncio.Event()
    mended.set()

    async def listen():
        nonlocal cursor
        while True:
            try:
                async with Client(transport=transport(link.address, authorization)) as session:
                    async with aclosing(session.subscribe(asked(EVENTS, after=cursor))) as events:
                        async for event in events:
                            cursor = event["salesOrderEvents"]["cursor"]
                            async with heard:
                                told.append(event["salesOrderEvents"]["orderNumber"])
                                heard.notify_all()
            except Exception as error:
                print(f"{transport.__name__}: {type(error).__name__}", file=sys.stderr)
            await mended.wait()

    async def hears(count):
        async with heard:
            await heard.wait_for(lambda: len(told) >= count)

    async def made(reference):
        return (await create(reference))["salesOrder"]["orderNumber"]

    listening = asyncio.create_task(listen())
    expected = [await made("seen-live")]
    await hears(1)
    mended.clear()
    link.cut()
    expected += [await made("while-away-1"), await made("while-away-2")]
    link.is_down = False
    mended.set()
    await hears(3)
    expected.append(await made("live-again"))
    await hears(4)
    assert told == expected, (told, expected)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    link.server.close()
    print(f"told {' '.join(told)}")


def over_websockets(address, authorization):
    return WebsocketsTransport(
        url=f"ws://{address}/graphql/ws", init_payload=authorization, subprotocols=["graphql-transport-ws"]
    )


def over_aiohttp(address, authorization):
    return AIOHTTPWebsocketsTransport(url=f"ws://{address}/graphql/ws", init_payload=authorization)


async def main():
    async with asyncio.timeout(float(os.environ["DEADLINE_SECONDS"])):
        for transport in (over_websockets, over_aiohttp):
            await follow(transport)


asyncio.run(main())
