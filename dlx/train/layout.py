"""Where the parts of a training run lie: one mesh of devices, and the three ways to run a function on it.

A function of one replica (one seed, one value of a sweep) becomes a compiled function of all replicas on all devices.
Each of its arguments has a kind, which says how it is cut:

    kind      shape         cut over "seed"   cut over "data"
    state     (S, ...)      axis 0            where `spec` says so
    replica   (S, ...)      axis 0            no
    table     (S, K, B)     axis 0            axis 2
    window    (K, B, ...)   no                axis 1
    shared    any           no                no

`jit` gives every array a sharding and leaves the communication to the compiler: the program means what it says on one
device. `shard_map` and `pmap` run the function on each device's piece; there the step averages over the axis "data".
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax
import numpy as np
from jax import lax
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from dlx.errors import UsageError
from dlx.train.checkpoint.leaves import is_key

__all__ = ["Kind", "Layout", "make_layout", "through_key_data"]

Kind = Literal["state", "replica", "table", "window", "shared"]
_PER_REPLICA = ("state", "replica", "table")


@dataclasses.dataclass(frozen=True)
class Layout:
    """The mesh (seed, data), the way to run on it, and how the state is cut. Made by `make_layout`."""

    mesh: Mesh
    replicas: int
    parallel: Literal["jit", "pmap", "shard_map"]
    each: Literal["map", "vmap"]
    # a tree of specs may be a dict, which has no hash
    spec: Any = dataclasses.field(default=P(), hash=False)

    @property
    def data_size(self) -> int:
        """The number of pieces into which a batch is cut."""
        return self.mesh.shape.get("data", 1)

    @property
    def axis_name(self) -> str | None:
        """The axis over which a step has to average, or None where it sees the whole batch."""
        return "data" if self.data_size > 1 and self.parallel != "jit" else None

    def check_batch(self, batch_size: int | None) -> None:
        """Raises: UsageError if a batch does not divide over the data axis."""
        if batch_size is not None and batch_size % self.data_size:
            near = max(self.data_size, round(batch_size / self.data_size) * self.data_size)
            raise UsageError(
                f"--batch-size {batch_size} does not divide over {self.data_size} devices; "
                f"the nearest that does is {near}."
            )

    def specs(self, kind: Kind) -> Any:
        """The PartitionSpecs of an argument of this kind: one, or for a state a prefix tree of them."""
        if kind == "state":
            return jax.tree.map(lambda p: P("seed", *p), self.spec, is_leaf=lambda p: isinstance(p, P))
        return {"replica": P("seed"), "table": P("seed", None, "data"), "window": P(None, "data"), "shared": P()}[kind]

    def place(self, kind: Kind, tree: Any) -> Any:
        """Puts host arrays, equal in every process, on the devices as `kind` says."""
        return jax.tree.map(self._place_leaf, self._broadcast(kind, tree), tree)

    def place_local(self, kind: Kind, tree: Any) -> Any:
        """As `place`, where each process holds only its own part of the cut axis."""
        if jax.process_count() == 1:
            return self.place(kind, tree)
        sharding = NamedSharding(self.mesh, self.specs(kind))
        return jax.tree.map(lambda a: jax.make_array_from_process_local_data(sharding, a), tree)

    def fetch(self, kind: Kind, tree: Any, *, copy: bool = True) -> Any:
        """Placed arrays on the host, as they were given to `place`: NumPy arrays, and key arrays for keys.

        Without `copy` they may be views of the devices' memory, which the next chunk writes over.
        """
        return jax.tree.map(lambda p, leaf: self._fetch_leaf(p, leaf, copy), self._broadcast(kind, tree), tree)

    def describe(self, one: Any, replicas: int) -> Any:
        """Shapes of one replica's state -> shapes of the placed state; with shardings where `place` keeps the shape."""

        def stacked(p: P, leaf: Any) -> jax.ShapeDtypeStruct:
            sharding = None if self.parallel == "pmap" else NamedSharding(self.mesh, p)
            return jax.ShapeDtypeStruct((replicas, *leaf.shape), leaf.dtype, sharding=sharding)

        return jax.tree.map(stacked, self._broadcast("state", one), one)

    def spread(
        self, function: Callable, ins: Sequence[Kind], outs: Sequence[Kind], *, donate: bool = False
    ) -> Callable:
        """Compiles `function`, written for one replica, for all replicas on all devices.

        Args:
          function: takes arguments of the kinds `ins`, returns a tuple of the kinds `outs` ("state" or "replica").
          donate: give the memory of the first argument to the result.
        """
        everywhere = self._over_replicas(function, ins)
        donated = (0,) if donate else ()
        if self.parallel == "pmap":
            axes = tuple(self._pmap_axes(kind) for kind in ins)
            return jax.pmap(
                everywhere,
                axis_name=self.mesh.axis_names[0],
                devices=self._pmap_devices(),
                in_axes=axes,
                out_axes=tuple(self._pmap_axes(kind) for kind in outs),
                donate_argnums=donated,
            )
        in_specs, out_specs = tuple(map(self.specs, ins)), tuple(map(self.specs, outs))
        if self.parallel == "shard_map":
            # the step averages its own gradients; under check_vma the transpose of a replicated leaf would add them too
            local = jax.shard_map(everywhere, mesh=self.mesh, in_specs=in_specs, out_specs=out_specs, check_vma=False)
            return jax.jit(local, donate_argnums=donated)
        shardings = jax.tree.map(lambda p: NamedSharding(self.mesh, p), out_specs, is_leaf=lambda p: isinstance(p, P))
        return jax.jit(everywhere, out_shardings=shardings, donate_argnums=donated)

    def _over_replicas(self, function: Callable, ins: Sequence[Kind]) -> Callable:
        local = self.replicas // (self.mesh.shape.get("seed", 1) if self.parallel != "jit" else 1)
        mapped = [kind in _PER_REPLICA for kind in ins]

        def everywhere(*arguments: Any) -> Any:
            def one(own: tuple) -> Any:
                pieces = iter(own)
                return function(*(next(pieces) if m else a for m, a in zip(mapped, arguments, strict=True)))

            own = tuple(a for m, a in zip(mapped, arguments, strict=True) if m)
            if self.each == "vmap":
                return jax.vmap(one)(own)
            if local == 1:  # a loop of one turn costs a copy of the state
                return jax.tree.map(lambda a: a[None], one(jax.tree.map(lambda a: a[0], own)))
            return lax.map(one, own)

        return everywhere

    # pmap wants a leading axis as long as the devices: the cut axis a becomes (devices, ..., n / devices, ...)

    def _cut_axis(self, p: P) -> int | None:
        axis = self.mesh.axis_names[0]
        return next((i for i, name in enumerate(p) if name == axis), None)

    def _pmap_axes(self, kind: Kind) -> Any:
        return jax.tree.map(
            lambda p: None if self._cut_axis(p) is None else 0, self.specs(kind), is_leaf=lambda p: isinstance(p, P)
        )

    def _pmap_devices(self) -> list | None:
        return None if jax.process_count() > 1 else list(self.mesh.devices.flat)

    def _broadcast(self, kind: Kind, tree: Any) -> Any:
        """The specs of `kind`, one for each leaf of `tree`."""

        def below(p: P, part: Any) -> Any:
            return jax.tree.map(lambda _: p, part)

        return jax.tree.map(below, self.specs(kind), tree, is_leaf=lambda p: isinstance(p, P))

    def _place_leaf(self, p: P, leaf: Any) -> jax.Array:
        return through_key_data(lambda array: self._place_array(p, array), leaf)

    def _place_array(self, p: P, leaf: Any) -> jax.Array:
        if self.parallel != "pmap" and isinstance(leaf, jax.Array) and leaf.sharding == NamedSharding(self.mesh, p):
            return leaf
        host, cut = np.asarray(leaf), None
        if self.parallel == "pmap":
            cut = self._cut_axis(p)
            p = P()
            if cut is not None:
                host, p = _split_axis(host, cut, self.mesh.size), P(self.mesh.axis_names[0])
        sharding = NamedSharding(self.mesh, p)
        if jax.process_count() == 1:
            return jax.device_put(host, sharding)
        return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])

    def _fetch_leaf(self, p: P, leaf: jax.Array, copy: bool) -> Any:
        return through_key_data(lambda array: self._fetch_array(p, array, copy), leaf)

    def _fetch_array(self, p: P, leaf: jax.Array, copy: bool) -> np.ndarray:
        if leaf.is_fully_addressable:
            host = np.array(leaf, copy=copy or None)
        elif leaf.is_fully_replicated:
            host = np.array(leaf.addressable_data(0), copy=copy or None)
        else:
            from jax.experimental import multihost_utils

            host = np.array(multihost_utils.process_allgather(leaf, tiled=True))
        cut = self._cut_axis(p) if self.parallel == "pmap" else None
        return host if cut is None else _join_axis(host, cut)


def through_key_data(function: Callable, leaf: Any) -> Any:
    """function(leaf); for an array of keys, keys made of function(their data)."""
    if not is_key(leaf):
        return function(leaf)
    return jax.random.wrap_key_data(function(jax.random.key_data(leaf)), impl=jax.random.key_impl(leaf))


def _split_axis(array: np.ndarray, axis: int, pieces: int) -> np.ndarray:
    shape = (*array.shape[:axis], pieces, array.shape[axis] // pieces, *array.shape[axis + 1 :])
    return np.moveaxis(array.reshape(shape), axis, 0)


def _join_axis(array: np.ndarray, axis: int) -> np.ndarray:
    pieces = np.moveaxis(array, 0, axis)
    return pieces.reshape(*pieces.shape[:axis], -1, *pieces.shape[axis + 2 :])


def make_layout(
    replicas: int,
    *,
    devices: int | None = None,
    parallel: Literal["jit", "pmap", "shard_map"] = "jit",
    each: Literal["auto", "map", "vmap"] = "auto",
    spec: Any = P(),
    batch_size: int | None = None,
) -> Layout:
    """Chooses the mesh (seed, data) for `replicas` on `devices`.

    Seeds are cut first, since they need no communication: the seed axis is gcd(replicas, devices) long, the data axis
    takes the rest. `pmap` has one axis: seeds where they divide evenly in one process, else data.

    Args:
      replicas: S, seeds times the values of a sweep.
      devices: how many to use; None: one on a CPU, all on accelerators and when there are several processes.
      parallel: "jit", "pmap" or "shard_map".
      each: how a device runs its replicas: "map" one after the other (bit-equal to lone runs, fastest on a CPU), "vmap"
        all at once (nearly free on an accelerator); "auto" chooses.
      spec: prefix tree of PartitionSpecs of one replica's state: P("data") cuts a leaf's first axis over devices.
      batch_size: checked to divide over the data axis.
    Returns: a Layout.
    Raises: UsageError naming the option when the numbers do not fit.
    """
    here = jax.devices()
    several = jax.process_count() > 1
    wanted = devices if devices is not None else (len(here) if several or here[0].platform != "cpu" else 1)
    if not 1 <= wanted <= len(here):
        raise UsageError(f"--devices {wanted}: this run has {len(here)} {here[0].platform} device(s).")
    if several and wanted != len(here):
        raise UsageError(f"--devices {wanted}: a run of {jax.process_count()} processes uses all {len(here)} devices.")
    along_seed = math.gcd(replicas, wanted)
    along_data = wanted // along_seed
    # of several processes pmap takes keys of its own one only
    if parallel == "pmap" and along_seed > 1 and (along_data > 1 or several):
        along_seed, along_data = 1, wanted
    shape: tuple[int, ...] = (along_seed, along_data)
    names: tuple[str, ...] = ("seed", "data")
    # named as pmap's axis: its inputs then carry the sharding of its outputs, and it compiles once
    if parallel == "pmap":
        shape, names = (wanted,), ("seed" if along_seed > 1 else "data",)
    mesh = jax.make_mesh(shape, names, axis_types=(AxisType.Auto,) * len(shape), devices=here[:wanted])
    cut_by_compiler = parallel == "jit" and along_seed > 1
    if each == "map" and cut_by_compiler:
        raise UsageError(
            "--map map under --parallel jit would compute every seed on every device; "
            "use --parallel shard_map or --map vmap."
        )
    if each == "auto":
        each = "map" if here[0].platform == "cpu" and not cut_by_compiler else "vmap"
    layout = Layout(mesh, replicas, parallel, each, spec)
    layout.check_batch(batch_size)
    return layout
