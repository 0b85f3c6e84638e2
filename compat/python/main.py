"""Drives an endpoint with boto3, unmodified.

Where to call and as whom comes from AWS's own environment variables, the models
from COMPAT_MODEL, what to ask from COMPAT_QUESTION if it is set, and what to do
from the first argument. It prints one JSON line per call; a call that fails is
a line too, with the SDK's own view of the error.
"""

import json
import os
import sys

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session
from urllib3.exceptions import HTTPError

QUESTION = os.environ.get("COMPAT_QUESTION", "Name three rivers.")
MODELS = os.environ.get("COMPAT_MODEL", "").split(",")
SESSION = boto3.Session()


def conversation(model, tools, collects=""):
    """A question; collects names the variable that holds which released answer to collect."""
    request = {"modelId": model, "messages": [{"role": "user", "content": [{"text": QUESTION}]}]}
    if tools:
        schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
        spec = {"name": "get_weather", "description": "Weather of a city", "inputSchema": {"json": schema}}
        names = os.environ.get("COMPAT_TOOLS")
        specs = [{"name": name, "inputSchema": {"json": {"type": "object"}}} for name in names.split(",")] if names else [spec]
        request["toolConfig"] = {"tools": [{"toolSpec": each} for each in specs]}
    if os.environ.get(collects):
        request["requestMetadata"] = {"writ.hold": os.environ[collects]}
    return request


def native():
    messages = [{"role": "user", "content": QUESTION}]
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 500, "messages": messages}
    return {"modelId": MODELS[0], "body": json.dumps(body)}


def count(step, usage):
    step["inputTokens"], step["outputTokens"] = usage["inputTokens"], usage["outputTokens"]


def receipt(out):
    """What the head of an answer proves of its tool call."""
    return out["ResponseMetadata"]["HTTPHeaders"].get("x-writ-receipt")


def converse(client, step, model=MODELS[0], tools=False):
    out = client.converse(**conversation(model, tools, "COMPAT_HOLD"))
    step["stopReason"], step["receipt"] = out["stopReason"], receipt(out)
    count(step, out["usage"])
    for block in out["output"]["message"]["content"]:
        if "text" in block:
            step["text"] = step.get("text", "") + block["text"]
        if "toolUse" in block:
            step["tool"], step["toolInput"] = block["toolUse"]["name"], block["toolUse"]["input"]
            step["toolUseId"] = block["toolUse"]["toolUseId"]


def converse_stream(client, step, model=MODELS[0], tools=False, begun=lambda: None):
    out = client.converse_stream(**conversation(model, tools, "COMPAT_HOLD_STREAM"))
    step["text"], step["events"], step["receipt"], fragments = "", 0, receipt(out), ""
    for event in out["stream"]:
        step["events"] += 1
        if step["events"] == 1:
            begun()
        if "contentBlockStart" in event:
            use = event["contentBlockStart"]["start"]["toolUse"]
            step["tool"], step["toolUseId"] = use["name"], use["toolUseId"]
        if "contentBlockDelta" in event:
            delta = event["contentBlockDelta"]["delta"]
            step["text"] += delta.get("text", "")
            fragments += delta.get("toolUse", {}).get("input", "")
        if "messageStop" in event:
            step["stopReason"] = event["messageStop"]["stopReason"]
        if "metadata" in event:
            count(step, event["metadata"]["usage"])
    if fragments:
        step["arguments"], step["toolInput"] = fragments, json.loads(fragments)


def invoke(client, step):
    body = json.loads(client.invoke_model(**native())["body"].read())
    step["text"] = "".join(block["text"] for block in body["content"])
    step["stopReason"] = body["stop_reason"]
    step["inputTokens"] = body["usage"]["input_tokens"]
    step["outputTokens"] = body["usage"]["output_tokens"]


def invoke_stream(client, step):
    out = client.invoke_model_with_response_stream(**native())
    step["text"], step["events"] = "", 0
    for event in out["body"]:
        step["events"] += 1
        own = json.loads(event["chunk"]["bytes"])
        delta = own.get("delta", {})
        step["text"] += delta.get("text", "")
        if "stop_reason" in delta:
            step["stopReason"] = delta["stop_reason"]
        metrics = own.get("amazon-bedrock-invocationMetrics")
        if metrics:
            step["inputTokens"], step["outputTokens"] = metrics["inputTokenCount"], metrics["outputTokenCount"]


def count_tokens(client, step, model):
    out = client.count_tokens(modelId=model, input={"converse": {"messages": conversation(model, False)["messages"]}})
    step["inputTokens"] = out["inputTokens"]


def guardrail(client, step, version):
    out = client.apply_guardrail(
        guardrailIdentifier=os.environ["COMPAT_GUARDRAIL"],
        guardrailVersion=version,
        source="INPUT",
        content=[{"text": {"text": os.environ["COMPAT_TEXT"]}}],
    )
    step["stopReason"] = out["action"]
    step["text"] = "".join(output["text"] for output in out["outputs"])


def start(client, step, output):
    out = client.start_async_invoke(
        modelId=MODELS[0],
        modelInput={"taskType": "TEXT_VIDEO", "textToVideoParams": {"text": QUESTION}},
        outputDataConfig={"s3OutputDataConfig": {"s3Uri": output}},
    )
    step["arn"] = out["invocationArn"]


def get_invocation(client, step, arn):
    out = client.get_async_invoke(invocationArn=arn)
    step["arn"], step["stopReason"] = out["invocationArn"], out["status"]


def list_invocations(client, step, arn):
    summaries = client.list_async_invokes(maxResults=100)["asyncInvokeSummaries"]
    step["arn"] = next((s["invocationArn"] for s in summaries if s["invocationArn"] == arn), None)


def named(client, step):
    step["accessKeyId"] = SESSION.get_credentials().get_frozen_credentials().access_key
    converse(client, step)


def get(client, step, path):
    """Asks one of the endpoint's own paths, signed with the SDK's signer."""
    request = AWSRequest("GET", os.environ["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"] + path)
    SigV4Auth(SESSION.get_credentials(), "bedrock", client.meta.region_name).add_auth(request)
    answer = URLLib3Session().send(request.prepare())
    step["text"], step["status"] = answer.text, answer.status_code
    if answer.status_code != 200:
        step["message"] = answer.text


def caller_identity(_client, step):
    out = SESSION.client("sts").get_caller_identity()
    step["account"], step["arn"] = out["Account"], out["Arn"]


def report(name, call, client, **options):
    """Prints a step, with the error in the SDK's words if there is one."""
    step = {"step": name}
    try:
        call(client, step, **options)
    except ClientError as error:
        step["error"] = error.response["Error"]["Code"]
        step["class"] = type(error).__name__
        step["status"] = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        step["message"] = error.response["Error"]["Message"]
        step["originalStatus"] = error.response.get("originalStatusCode")
    except (BotoCoreError, HTTPError) as error:  # a stream that breaks off is urllib3's to report
        step["class"], step["message"] = type(error).__name__, str(error)
    print(json.dumps(step), flush=True)
    return step


def main():
    client = SESSION.client("bedrock-runtime")
    scenario = sys.argv[1]
    if scenario == "operations":
        report("Converse", converse, client)
        report("ConverseStream", converse_stream, client)
        report("InvokeModel", invoke, client)
        report("InvokeModelWithResponseStream", invoke_stream, client)
    elif scenario == "call":
        for model in MODELS:
            report("Converse", converse, client, model=model)
    elif scenario == "each":
        for model in MODELS:
            report("Converse", converse, client, model=model)
            report("ConverseStream", converse_stream, client, model=model)
    elif scenario == "stream":
        for model in MODELS:
            report("ConverseStream", converse_stream, client, model=model)
    elif scenario == "tools":
        report("Converse", converse, client, tools=True)
        report("ConverseStream", converse_stream, client, tools=True)
    elif scenario == "cut":
        # Says when the stream has begun, so that somebody can end it.
        begun = lambda: print(json.dumps({"step": "Begun"}), flush=True)
        report("ConverseStream", converse_stream, client, begun=begun)
    elif scenario == "renew":
        # Calls, waits for a line on standard input, and calls again: by then
        # the session has ended.
        report("Converse", named, client)
        if not sys.stdin.readline():
            sys.exit("error: waiting for a line on standard input: it ended")
        report("Converse", named, client)
    elif scenario == "count-tokens":
        for model in MODELS:
            report("CountTokens", count_tokens, client, model=model)
    elif scenario == "guardrail":
        report("ApplyGuardrail", guardrail, client, version="1")
        report("ApplyGuardrail", guardrail, client, version="2")
    elif scenario == "async":
        # Starts an invocation whose answer goes to the place that COMPAT_OUTPUT
        # names, asks for it and lists it; then it starts one that goes elsewhere.
        arn = report("StartAsyncInvoke", start, client, output=os.environ["COMPAT_OUTPUT"]).get("arn", "none")
        report("GetAsyncInvoke", get_invocation, client, arn=arn)
        report("ListAsyncInvokes", list_invocations, client, arn=arn)
        report("StartAsyncInvoke", start, client, output=os.environ["COMPAT_ELSEWHERE"])
    elif scenario == "get":
        report("Get", get, client, path=os.environ["COMPAT_PATH"])
    elif scenario == "caller-identity":
        report("GetCallerIdentity", caller_identity, client)
    else:
        sys.exit(f"error: unknown scenario {scenario!r}")


if __name__ == "__main__":
    main()
