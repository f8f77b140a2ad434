"""The lives that HR reports, step by step; after each step the server is compared."""

import os
import time
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

from parts import Person, Wrong, differences, until
from proxy import PATCH_OP

ADA = {"given": "Ada", "family": "Lovelace", "email": "ada@acme.example", "title": "Engineer",
       "department": "Engineering", "mobile": "+49301000"}
GRACE = {"given": "Grace", "family": "Hopper", "email": "grace@acme.example", "title": "Admiral",
         "department": "Engineering", "mobile": None}
BARBARA = {"given": "Barbara", "family": "Liskov", "email": "barbara@acme.example",
           "title": "Engineer", "department": "Research", "mobile": None}
ALAN = {"given": "Alan", "family": "Turing", "email": "alan@acme.example", "title": "Analyst",
        "department": "Research", "mobile": "+44207000"}
EDSGER = {"given": "Edsger", "family": "Dijkstra", "email": "edsger@acme.example",
          "title": "Analyst", "department": "Sales", "mobile": None}
FRANCES = {"given": "Frances", "family": "Allen", "email": "frances@acme.example",
           "title": "Compiler Engineer", "department": "Engineering", "mobile": None}
# Texts that a filter, a URL or a JSON path could take for something else.
STRANGE = {"given": "Zo\u00eb", "family": "O'Brien \"Bob\" \\ M\u00fcller", "email": "o'brien+hr@acme.example",
           "title": "R&D; \u00e4/\u00df #1 %41 [x]", "department": "Sales", "mobile": None}
CROWD = 30
VERBOSE = os.environ.get("VERBOSE") == "1"
# How the members of an event are named in our attributes.
PLACES = {"given": ("name", "given"), "family": ("name", "family"), "email": ("work_email",),
          "title": ("title",), "department": ("department", "name")}


def instant(moment):
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def worker_of(attributes):
    """The `data.worker` of an event that states these attributes; None clears one."""
    worker = {}
    for name, value in attributes.items():
        if name == "mobile":
            worker["phones"] = [{"type": "mobile", "value": value}] if value else None
            continue
        *above, last = PLACES[name]
        place = worker
        for member in above:
            place = place.setdefault(member, {})
        place[last] = value
    return worker


class Lives:
    def __init__(self, server, proxy, hirewire):
        self.server, self.proxy, self.hirewire = server, proxy, hirewire
        self.people, self.events, self.steps = {}, [], 0
        self.now = datetime.now(timezone.utc) - timedelta(days=9)

    def event(self, kind, worker, attributes=None, at=None, effective=None, **data):
        """A fact that HR knows at `at` (default: an hour after the one before), effective then."""
        self.now += timedelta(hours=1)
        at = at or self.now
        data |= {"effective": {"instant": instant(effective or at)}}
        if attributes is not None:
            data["worker"] = worker_of(attributes)
        if kind == "hired":
            data["worker"] |= {"employee_number": worker, "type": "employee"}
        event = {"specversion": "1.0", "id": f"proof-{len(self.events)}", "source": "/hr/proof",
                 "type": f"hr.worker.{kind}.v1", "subject": worker, "time": instant(at), "data": data}
        self.events.append(event)
        return event

    def step(self, text, *hooks, writes=None):
        """Sends hooks and waits for what should follow; `writes`: the most requests that write."""
        position = len(self.proxy.since(0))
        for hook in hooks:
            self.hirewire.hook(hook)
        self.compare(text, position, writes)

    def compare(self, text, position, writes):
        def problem():
            return self.hirewire.busy(self.events) or differences(self.server, self.people)

        wrong = until(problem)
        done = self.proxy.since(position)
        shown = "".join(f"\n    {exchange}" for exchange in done)
        if wrong:
            raise Wrong(f"{text}: {wrong}{shown}\n    dead letters: {self.hirewire.dead_letters()}")
        if letters := self.hirewire.dead_letters():
            raise Wrong(f"{text}: dead letters {letters}{shown}")
        written = [exchange for exchange in done if exchange.writes]
        if writes is not None and len(written) > writes:
            raise Wrong(f"{text}: {len(written)} writes, not {writes}{shown}")
        refused = [str(exchange) for exchange in written if exchange.status >= 400]
        if refused:
            raise Wrong(f"{text}: a refused write {refused}")
        self.steps += 1
        print(f"  ok   {text}: {len(done) - len(written)} reads, {len(written)} writes")
        if VERBOSE:
            print(*done, sep="\n")

    def add(self, worker, attributes, **state):
        self.people[worker] = Person(worker, attributes, **state)
        return self.people[worker]

    def all(self):
        self.changes()
        self.groups_and_leave()
        self.disorder()
        self.leaves_and_returns()
        self.futures()
        self.adopts()
        self.drift()
        self.strange_texts()
        self.crowd()

    def changes(self):
        ada = self.add("E-1", ADA, groups={"Engineering"})
        self.step("hire", self.event("hired", "E-1", ADA), writes=2)

        cleared = self.server.about["clears"]
        change = {"family": "King", "department": "Research", "title": "Countess", cleared: None}
        ada.attributes |= change
        ada.groups = set()
        self.step("several attributes change, one is cleared", self.event("changed", "E-1", change))

        change = {"email": "ada.king@acme.example", cleared: ADA[cleared]}
        ada.attributes |= change
        self.step("a new userName and address", self.event("changed", "E-1", change))

    def groups_and_leave(self):
        grace = self.add("E-2", GRACE, groups={"Engineering"})
        self.step("a hire into a group", self.event("hired", "E-2", GRACE), writes=2)

        grace.attributes["department"], grace.groups = "Sales", {"Sales"}
        self.step("into another group", self.event("changed", "E-2", {"department": "Sales"}))

        grace.active = False
        self.step("a leave begins", self.event("leave_started", "E-2"), writes=1)
        grace.active = True
        self.step("the leave ends", self.event("leave_ended", "E-2"))

    def disorder(self):
        """What HR knew last counts, in any order of arrival."""
        hired = self.event("hired", "E-3", BARBARA)
        older = self.event("changed", "E-3", {"title": "Junior"})
        newer = self.event("changed", "E-3", {"title": "Professor"})
        barbara = self.add("E-3", BARBARA | {"title": "Professor"})
        self.step("a change before its hire, then an older change", newer, hired, older)
        self.step("the same hooks again", newer, hired, older, newer, writes=0)

        barbara.active = False
        left = self.event("terminated", "E-3", at=self.now + timedelta(hours=9))
        late = self.event("changed", "E-3", {"title": "Dean"})
        self.step("a leaver, then a change from before", left, late, left)

    def leaves_and_returns(self):
        ada = self.people["E-1"]
        ada.active = False
        self.step("a termination", self.event("terminated", "E-1"), writes=1)
        again = dict(self.events[0], id="proof-first-hire-again")
        self.events.append(again)
        self.step("the first hire again, under a new id", again, writes=0)

        change = {"title": "Programmer", "department": "Engineering"}
        ada.attributes |= change
        ada.active, ada.groups = True, {"Engineering"}
        self.step("a rehire", self.event("rehired", "E-1", change))

    def futures(self):
        start = datetime.now(timezone.utc) + timedelta(seconds=8)
        alan = self.add("E-4", ALAN, active=False)
        edsger = self.add("E-5", EDSGER, active=False, groups={"Sales"})
        alan.shows_all = edsger.shows_all = True
        self.step("two hires of the future",
                  self.event("hired", "E-4", ALAN, effective=start),
                  self.event("hired", "E-5", EDSGER, effective=start))
        edsger.shows_all = False
        self.step("one of them is rescinded", self.event("hire_rescinded", "E-5"), writes=0)
        while datetime.now(timezone.utc) < start:
            time.sleep(0.1)
        alan.active, alan.shows_all = True, False
        self.step("the other one starts")

    def adopts(self):
        self.server.post("Users", {
            "userName": FRANCES["email"], "name": {"givenName": "Fran", "familyName": "Allen"},
            "emails": [{"value": FRANCES["email"], "type": "work", "primary": True}], "active": True})
        self.add("E-6", FRANCES, groups={"Engineering"})
        self.step("a hire whose account exists", self.event("hired", "E-6", FRANCES))

    def drift(self):
        """An admin changes an account by hand: `people reconcile` repairs it."""
        frances = next(u for u in self.server.all("Users") if u["userName"] == FRANCES["email"])
        operation = {"op": "replace", "path": "name.familyName", "value": "Smith"}
        status, answer = self.server.request("PATCH", f"Users/{frances['id']}", {
            "schemas": [PATCH_OP], "Operations": [operation]})
        if status not in (200, 204):
            raise Wrong(f"PATCH of the test itself: {status} {answer}")
        position = len(self.proxy.since(0))
        self.reconcile("E-6")
        self.compare("`people reconcile` after a change by hand", position, 1)

    def strange_texts(self):
        worker = 'E 7/"\u00fc"\\%2F'
        for character in self.server.about.get("cannot_search", ""):
            worker = worker.replace(character, "")
        person = self.add(worker, STRANGE, groups={"Sales"})
        self.step("strange texts", self.event("hired", worker, STRANGE), writes=2)
        change = {"family": "\u0141ukasz'; --", "email": "_--o'brien@acme.example"}
        person.attributes |= change
        self.step("they change", self.event("changed", worker, change))
        person.active = False
        self.step("they leave", self.event("terminated", worker), writes=1)

    def crowd(self):
        """Many people in one hook, all in one group."""
        hired = []
        for number in range(CROWD):
            worker, email = f"C-{number}", f"crowd-{number}@acme.example"
            attributes = ALAN | {"family": f"Turing {number}", "email": email, "department": "Sales"}
            self.add(worker, attributes, groups={"Sales"})
            hired.append(self.event("hired", worker, attributes))
        self.step(f"{CROWD} hires in one hook", hired, writes=2 * CROWD)
        left = []
        for number in range(0, CROWD, 2):
            self.people[f"C-{number}"].active = False
            left.append(self.event("terminated", f"C-{number}"))
        self.step("half of them leave", left, writes=CROWD // 2)

    def reconcile(self, worker):
        status, answer = self.hirewire.api(f"people/hr%2F{quote(worker, safe='')}/retry", {"reason": "proof"})
        if status != 200:
            raise Wrong(f"people reconcile {worker}: {status} {answer}")

    def again(self):
        """Everything once more: nothing is written."""
        position = len(self.proxy.since(0))
        events = list(self.events)
        self.hirewire.hook(events)
        self.compare("all events again", position, 0)

        renamed = [dict(event, id=f"again-{event['id']}") for event in events]
        self.events += renamed
        self.hirewire.hook(renamed)
        self.compare("all events again, under new ids", position, 0)
        self.events = events

        for worker in self.people:
            self.reconcile(worker)
        self.compare("`people reconcile` of everybody", position, 0)

    def anew(self, hirewire):
        """The same events for a Hirewire with an empty store: it adopts, and writes nothing."""
        self.hirewire = hirewire
        position = len(self.proxy.since(0))
        hirewire.hook(self.events)
        self.compare("a second Hirewire with a new store", position, 0)

    def listed(self, hirewire):
        """HR's nightly list alone, for another Hirewire with an empty store: the same."""
        self.hirewire, self.events = hirewire, []
        position = len(self.proxy.since(0))
        for worker, person in self.people.items():
            stated = {name: value for name, value in person.attributes.items() if value}
            event = self.event("snapshot", worker, stated)
            del event["data"]["effective"]
            event["data"]["worker"] |= {"employee_number": worker, "type": "employee"}
            start = instant(self.now - timedelta(days=400))[:10]
            ended = {} if person.active else {"end": instant(self.now - timedelta(days=2))[:10]}
            event["data"]["employments"] = [{"id": "1", "start": start} | ended]
        hirewire.hook(self.events)
        self.compare("a third one, with HR's list alone", position, 0)
