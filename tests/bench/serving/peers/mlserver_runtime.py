"""MLServer's way: a runtime that answers V2 requests; BENCH_MODEL names the folder of the data."""

import orjson
from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput
from served_model import ServedModel


class Runtime(MLModel):
    async def load(self) -> bool:
        self.served = ServedModel()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        (query,) = payload.inputs[0].data.root
        answer = orjson.dumps(self.served.answer(query)).decode()
        return InferenceResponse(
            model_name=self.name,
            outputs=[ResponseOutput(name="answer", shape=[1], datatype="BYTES", data=[answer])],
        )
