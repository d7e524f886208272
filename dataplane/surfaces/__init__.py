"""What each API means: OpenAI's chat completions and models.

In reading order: `Operation`s and their paths (`catalogue`), the body as one strict object
(`strict_json`, `json_body`), its fields (`fields`, `chat_request`, `chat_forms`), what policy may know of it
(`chat_facts`, `tool_names`), every text in it (`json_texts`, `encoded_text`, `chat_texts`), what a
decision changes in it (`chat_constrain`), the `Call` and its `Unit` (`call`, `chat_unit`,
`models_unit`), what goes on (`upstream_headers`), what comes back (`sse`, `chat_exchange`), whole and
looked at (`chat_answer_texts`, `logprob_texts`, `proposed_call`, `chat_answer`), how to refuse
(`openai_errors`), and all of it plugged together (`openai_surface`).
"""
