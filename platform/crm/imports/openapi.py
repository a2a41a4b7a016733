"""The two routes of imports that the API kit cannot describe by itself: a file comes in, a file goes out."""

from typing import Any

from core.openapi import ETAG, KEY, RECORD_ID, problems

PATHS: dict[str, Any] = {
    "/imports": {
        "post": {
            "operationId": "imports.create",
            "summary": "Upload a table of contacts",
            "description": "CSV (UTF-8, UTF-16, Windows-1250; comma, semicolon, tab) or XLSX, at most 50 MB. What was "
            "guessed of its columns is answered; nothing is imported before `run`. Where the plan has no room for all "
            "new contacts, the import stops as `full` and goes on by `run` when there is room. The bytes may also be "
            "the body itself, with ?file_name= in the URL.",
            "tags": ["imports"],
            "parameters": [KEY],
            "requestBody": {
                "required": True,
                "content": {
                    "multipart/form-data": {
                        "schema": {
                            "type": "object",
                            "required": ["file"],
                            "properties": {
                                "file": {"type": "string", "contentMediaType": "application/octet-stream"},
                                "options": {
                                    "type": "string",
                                    "contentMediaType": "application/json",
                                    "description": "An object as PATCH takes it: format, mapping, duplicates.",
                                },
                            },
                        }
                    }
                },
            },
            "responses": {
                "201": {
                    "description": "The import, not begun yet.",
                    "headers": {"ETag": ETAG},
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ImportOut"}}},
                },
                **problems(400, 402, 409, 413, 415, 422),
            },
        }
    },
    "/imports/{id}/refused": {
        "parameters": [RECORD_ID],
        "get": {
            "operationId": "imports.refused",
            "summary": "Rows that were refused, with reasons",
            "tags": ["imports"],
            "responses": {
                "200": {"description": "A CSV file.", "content": {"text/csv": {"schema": {"type": "string"}}}},
                **problems(404, 409),
            },
        },
    },
}
