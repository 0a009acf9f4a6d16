"""array-api-strict: what the standard does not promise is an error."""

import numpy as np

from arraylogit.testing.backends.base import Backend


class Strict(Backend):
    module = "array_api_strict"
    features = frozenset({"backwards", "cheap", "views", "writable"})

    def __init__(self, name, device="CPU_DEVICE", version="2025.12"):
        super().__init__(name)
        self._device, self._version = device, version
        narrow = device in ("no_float64", "no_x64")
        self.dtypes = ("float32",) if narrow else ("float32", "float64")
        self.default = "float32" if narrow or device == "device2" else "float64"

    def device(self):
        return self._device

    def settings(self):
        return self.xp.ArrayAPIStrictFlags(api_version=self._version)

    def asarray(self, x):
        return self.xp.asarray(np.array(x), device=self.xp.Device(self._device))

    def to_numpy(self, y):
        return np.asarray(y.to_device(self.xp.Device("CPU_DEVICE")))

    def is_array(self, y):
        return type(y) is type(self.xp.asarray(0.0)) and y.device == self.xp.Device(self._device)


ROWS = (
    Strict("array_api_strict"),
    *(
        Strict(f"array_api_strict:{device}", device)
        for device in ("device1", "device2", "no_float64", "no_x64")
    ),
    *(Strict(f"array_api_strict:{v}", version=v) for v in ("2024.12", "2023.12", "2022.12")),
)
