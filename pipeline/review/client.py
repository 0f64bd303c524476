"""Label Studio's REST API: the dozen calls that reviews need, with errors that say what to do.

The SDK is not used for them: it walks through every number of every brush RLE in Python, seconds a mask.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import httpx

from pipeline.review.access import TOKEN, URL, Access

PAGE = 1000
"""Tasks that are listed in one request."""
Json = dict[str, Any]


class StudioError(RuntimeError):
    """Label Studio cannot be reached, or refuses. The message says what to do."""


class Missing(StudioError):
    """What was asked for is not there (any more)."""


class Studio:
    """A Label Studio at work. Use it as a context."""

    def __init__(self, access: Access, *, timeout: float = 300) -> None:
        self.url = access.url
        self._http = httpx.Client(
            base_url=access.url,
            auth=_auth(access.token),
            timeout=httpx.Timeout(timeout, connect=10),
            follow_redirects=True,
        )

    def __enter__(self) -> Studio:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def version(self) -> str:
        """Such as `1.23.2`."""
        return str(self._ask("GET", "/api/version").get("release", "?"))

    def user(self) -> str:
        """The e-mail address of the token's owner: proves that the token is right."""
        return str(self._ask("GET", "/api/current-user/whoami")["email"])

    def projects(self, title: str = "") -> list[Json]:
        """Projects of exactly this title (all, without one), the oldest first."""
        found: list[Json] = []
        page = 1
        while True:
            named = {"title": title} if title else {}
            answer = self._ask("GET", "/api/projects", params={**named, "page": page, "page_size": 100})
            found += [project for project in answer["results"] if not title or project["title"] == title]
            if not answer.get("next"):
                return sorted(found, key=lambda project: int(project["id"]))
            page += 1

    def project(self, project: int) -> Json:
        return dict(self._ask("GET", f"/api/projects/{project}"))

    def create_project(self, **values: Any) -> Json:
        return dict(self._ask("POST", "/api/projects", json=values))

    def update_project(self, project: int, **values: Any) -> None:
        self._ask("PATCH", f"/api/projects/{project}", json=values)

    def storages(self, project: int) -> list[Json]:
        """Folders that the project may serve files from."""
        return list(self._ask("GET", "/api/storages/localfiles", params={"project": project}))

    def create_storage(self, project: int, path: str, title: str) -> None:
        """Let the project serve the files of a folder (as the server sees it)."""
        values = {"project": project, "path": path, "title": title, "use_blob_urls": True}
        self._ask("POST", "/api/storages/localfiles", json=values)

    def backends(self, project: int) -> list[Json]:
        """The project's machine learning backends; asking makes Label Studio look whether they answer."""
        return list(self._ask("GET", "/api/ml", params={"project": project}))

    def create_backend(self, **values: Any) -> None:
        """Connect a backend, which must answer."""
        self._ask("POST", "/api/ml", json=values)

    def update_backend(self, backend: int, **values: Any) -> None:
        self._ask("PATCH", f"/api/ml/{backend}", json=values)

    def delete_backend(self, backend: int) -> None:
        self._ask("DELETE", f"/api/ml/{backend}")

    def tasks(self, project: int, filters: Sequence[Json] = ()) -> Iterator[Json]:
        """The project's tasks without annotations and predictions; all `filters` of the data manager hold."""
        query = _query(filters)
        page, seen, total = 1, 0, 1
        while seen < total:
            params = {"project": project, "page": page, "page_size": PAGE, **query}
            answer = self._ask("GET", "/api/tasks", params=params)
            total = answer["total"]
            if not answer["tasks"]:
                return
            seen += len(answer["tasks"])
            page += 1
            yield from answer["tasks"]

    def task(self, task: int) -> Json:
        """One task with its annotations, drafts and predictions."""
        return dict(self._ask("GET", f"/api/tasks/{task}"))

    def import_tasks(self, project: int, tasks: Sequence[Json]) -> None:
        self._ask("POST", f"/api/projects/{project}/import", json=list(tasks))

    def update_task(self, task: int, data: Mapping[str, Any]) -> None:
        self._ask("PATCH", f"/api/tasks/{task}", json={"data": dict(data)})

    def delete_task(self, task: int) -> None:
        self._ask("DELETE", f"/api/tasks/{task}")

    def predictions(self, task: int) -> list[Json]:
        return list(self._ask("GET", "/api/predictions", params={"task": task}))

    def set_prediction(self, task: int, prediction: Mapping[str, Any]) -> None:
        """Make this the task's only prediction. It is the same if that was broken off and is done again."""
        known = self.predictions(task)
        for extra in known[1:]:
            self._ask("DELETE", f"/api/predictions/{extra['id']}")
        if known:
            self._ask("PATCH", f"/api/predictions/{known[0]['id']}", json=dict(prediction))
        else:
            self._ask("POST", "/api/predictions", json={"task": task, **prediction})

    def picture(self, address: str) -> int:
        """The status that the server answers with when a frame is asked for; 200 is well."""
        try:
            return self._http.get(address).status_code
        except httpx.HTTPError as error:
            raise StudioError(f"{self.url} does not serve {address} ({error})") from error

    def views(self, project: int) -> list[Json]:
        """The tabs of the data manager."""
        return list(self._ask("GET", "/api/dm/views", params={"project": project}))

    def create_view(self, project: int, data: Mapping[str, Any]) -> int:
        return int(self._ask("POST", "/api/dm/views", json={"project": project, "data": dict(data)})["id"])

    def delete_view(self, view: int) -> None:
        self._ask("DELETE", f"/api/dm/views/{view}")

    def snapshot(self, project: int, tasks: Sequence[int]) -> list[Json]:
        """These tasks with their annotations, all of one moment: a snapshot export of Label Studio.

        Exports live on the server until they are deleted, and so does the tab of the data manager that names the tasks:
        both are taken away again.
        """
        chosen = {"filter": "filter:tasks:id", "operator": "in_list", "type": "List", "value": list(tasks)}
        view = self.create_view(project, {"title": "pull", "filters": {"conjunction": "and", "items": [chosen]}})
        try:
            return self._export(project, view)
        finally:
            with contextlib.suppress(StudioError):
                self.delete_view(view)

    def _export(self, project: int, view: int) -> list[Json]:
        wanted = {
            "title": "autoroto review pull",
            "task_filter_options": {"view": view},
            "annotation_filter_options": {"usual": True, "ground_truth": True, "skipped": True},
            "serialization_options": {
                "annotations__completed_by": {"only_id": False},
                "predictions": {"only_id": True},
                "drafts": {"only_id": True},
            },
        }
        export = self._ask("POST", f"/api/projects/{project}/exports", json=wanted)
        where = f"/api/projects/{project}/exports/{export['id']}"
        try:
            while export["status"] not in ("completed", "failed"):  # with Redis it is made in the background
                time.sleep(0.5)
                export = self._ask("GET", where)
            if export["status"] == "failed":
                raise StudioError(f"{self.url} could not export project {project}: its log says why; then pull again")
            return list(self._ask("GET", f"{where}/download", params={"exportType": "JSON"}))
        finally:
            with contextlib.suppress(StudioError):
                self._ask("DELETE", where)

    def _ask(self, method: str, path: str, **how: Any) -> Any:
        try:
            answer = self._http.request(method, path, **how)
        except httpx.TimeoutException as error:
            raise StudioError(
                f"{self.url} takes too long over {method} {path}; see whether it still runs, then run this again: "
                "nothing is done twice"
            ) from error
        except httpx.HTTPError as error:
            raise StudioError(
                f"no Label Studio answers at {self.url} ({error or type(error).__name__}): start it with "
                f"`autoroto review serve`, or correct {URL}; then run this again: nothing is lost or done twice"
            ) from error
        if answer.status_code in (401, 403):
            raise StudioError(
                f"{self.url} refuses the token ({answer.status_code}): for one's own Label Studio remove "
                f".autoroto/review/access.json and start it again, for another correct {TOKEN}"
            )
        if answer.status_code == 404:
            raise Missing(f"{self.url} has no {path}: it was deleted there")
        if answer.is_error:
            raise StudioError(f"{self.url} refused {method} {path} ({answer.status_code}): {_reason(answer)}")
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError as error:
            raise StudioError(
                f"{self.url} is no Label Studio: {method} {path} answered no JSON; correct {URL}"
            ) from error


class _PersonalToken(httpx.Auth):
    """A personal access token: it buys short-lived ones."""

    requires_response_body = True

    def __init__(self, token: str) -> None:
        self._token, self._access = token, ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._access}"
        answer = yield request
        if answer.status_code == 401:
            fresh = yield httpx.Request("POST", request.url.join("/api/token/refresh"), json={"refresh": self._token})
            if fresh.status_code == 200:
                self._access = fresh.json()["access"]
                request.headers["Authorization"] = f"Bearer {self._access}"
                yield request


class _LegacyToken(httpx.Auth):
    def __init__(self, token: str) -> None:
        self._header = f"Token {token}"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = self._header
        yield request


def _auth(token: str) -> httpx.Auth:
    return _PersonalToken(token) if token.count(".") == 2 else _LegacyToken(token)


def _query(filters: Sequence[Json]) -> dict[str, str]:
    if not filters:
        return {}
    return {"query": json.dumps({"filters": {"conjunction": "and", "items": list(filters)}})}


def _reason(answer: httpx.Response) -> str:
    with contextlib.suppress(ValueError, AttributeError):
        values = answer.json()
        return str(values.get("validation_errors") or values.get("detail") or values)[:600]
    return answer.text[:300]
