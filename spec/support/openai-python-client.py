"""OpenAI's own Python client drives a device. Reads the steps of one test from its argument, and prints their results as one JSON line."""

import asyncio
import json
import sys

from openai import AsyncOpenAI, OpenAI

# The address and the key come from OPENAI_BASE_URL and OPENAI_API_KEY, as in every program of that client.
client = OpenAI(_strict_response_validation=True)
TIME = {"type": "object", "properties": {}}


def responses(conversation):
    whole = client.responses.create(model="m", conversation=conversation, input="Light!")
    with client.responses.stream(model="m", conversation=conversation, input="Light!") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        streamed = stream.get_final_response()
    again = client.responses.retrieve(whole.id)
    return {
        "texts": [whole.output_text, streamed.output_text, again.output_text],
        "streamed": "".join(deltas),
        "items": [item.type for item in whole.output],
        "same": again == whole,
    }


def functions(conversation):
    tool = {"type": "function", "name": "get_time", "parameters": TIME, "strict": False}
    first = client.responses.create(model="m", conversation=conversation, input="Light!", tools=[tool])
    call = next(item for item in first.output if item.type == "function_call")
    output = {"type": "function_call_output", "call_id": call.call_id, "output": '{"hour":7}'}
    second = client.responses.create(model="m", conversation=conversation, input=[output], tools=[tool])
    return {"asked": call.name, "text": second.output_text}


async def parallel(conversation):
    async with AsyncOpenAI(_strict_response_validation=True) as aclient:
        stream = await aclient.responses.create(
            model="m", conversation=conversation, input="Light!", stream=True
        )
        types = [event.type async for event in stream]
    return {"first": types[0], "last": types[-1]}


def chat(_conversation):
    devices = {"model": "m", "messages": [{"role": "user", "content": "Light!"}], "metadata": {"devices": "lamp"}}
    whole = client.chat.completions.create(**devices)
    chunks = list(client.chat.completions.create(**devices, stream=True))
    return {
        "whole": whole.choices[0].message.content,
        "streamed": "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices),
        "finish": [whole.choices[0].finish_reason, chunks[-1].choices[0].finish_reason],
    }


def threads(_conversation):
    thread = client.beta.threads.create(
        messages=[{"role": "user", "content": "Light!"}], extra_body={"devices": ["lamp"]}
    )
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id="default", poll_interval_ms=20)
    client.beta.threads.messages.create(thread_id=thread.id, role="user", content="Again!")
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id="default") as stream:
        text = "".join(stream.text_deltas)
    messages = client.beta.threads.messages.list(thread_id=thread.id, order="asc")
    return {
        "status": run.status,
        "streamed": text,
        "messages": [[message.role, message.content[0].text.value] for message in messages],
    }


def say(conversation):
    # Each connection breaks: the client repeats its request by itself.
    patient = client.with_options(max_retries=20)
    return patient.responses.create(model="m", conversation=conversation, input=sys.argv[3]).output_text


steps = {"say": say, "responses": responses, "functions": functions, "parallel": parallel, "chat": chat, "threads": threads}
step = steps[sys.argv[1]](sys.argv[2])
print(json.dumps(asyncio.run(step) if asyncio.iscoroutine(step) else step))
