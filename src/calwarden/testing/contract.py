"""The laws that every connector keeps, as one pytest suite over a `World`.

Subclass it beside an emulator or a real server, and give it its world:

    class TestMyConnector(ConnectorContract):
        @pytest.fixture
        def world(self, server) -> World:
            return MyWorld(server)      # one new, empty calendar per test

The suite speaks of resources and slots only; what a vendor cannot do stands in `World.lacks` (acts
of a person) or in the connector's `Capabilities`. To see values where a law fails, name the modules
of the laws in ``pytest.register_assert_rewrite`` before this one is imported.
"""

from calwarden.testing.looking_laws import LookingLaws
from calwarden.testing.people_laws import PeopleLaws
from calwarden.testing.writing_laws import WritingLaws


class ConnectorContract(WritingLaws, LookingLaws, PeopleLaws):
    """Inherit, and override the fixture ``world``."""
