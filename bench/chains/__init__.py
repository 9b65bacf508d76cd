"""The chains that are measured, by name; one file for each kind."""
from chains.bare_fcgi import BareEach, BareKept
from chains.crew import Crew, Crew16, CrewAnew, CrewSingle
from chains.crew_calls import CrewCalls
from chains.parked import CrewParked, CrewParkedEach, Nchan
from chains.php_fpm import PhpFpm, PhpFpmKept
from chains.pump import Pump
from chains.uwsgi import Uwsgi

CHAINS = {chain.name: chain for chain in (
    Crew, CrewSingle, Crew16, CrewAnew, BareKept, BareEach, PhpFpm, PhpFpmKept, Uwsgi,
    Pump, CrewCalls, CrewParked, CrewParkedEach, Nchan)}
