// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flex} from "../types/Flex.sol";
import {Rounding} from "./Rounding.sol";

/// @title Baselines and responses, rounded against the provider
library BaselineMath {
    using Rounding for int256;

    int256 private constant BPS = 10_000;

    /// @notice Mean energy of a period, mWh: down for Shed, up for Absorb.
    function mean(int256 sumMilliWh, uint256 periods, Flex.Direction direction) internal pure returns (int256) {
        int256 n = int256(periods);
        return direction == Flex.Direction.Shed ? sumMilliWh.divDown(n) : sumMilliWh.divUp(n);
    }

    /// @notice A baseline kept within plus and minus `capBps` of the mean of `sumMilliWh` over `days_`; the ends are rounded as the mean.
    function capped(
        int256 baselineMilliWh,
        int256 sumMilliWh,
        uint256 days_,
        uint256 capBps,
        Flex.Direction direction
    ) internal pure returns (int256) {
        int256 scaled = sumMilliWh * BPS;
        int256 slack = (sumMilliWh < 0 ? -sumMilliWh : sumMilliWh) * int256(capBps);
        uint256 divisor = days_ * uint256(BPS);
        int256 least = mean(scaled - slack, divisor, direction);
        int256 greatest = mean(scaled + slack, divisor, direction);
        if (baselineMilliWh < least) return least;
        return baselineMilliWh > greatest ? greatest : baselineMilliWh;
    }

    /// @notice Energy of a contracted level over a period, mWh: down for Shed, up for Absorb.
    function levelMilliWh(int256 levelW, uint256 periodSeconds, Flex.Direction direction) internal pure returns (int256) {
        int256 scaled = levelW * int256(periodSeconds * 1000);
        return direction == Flex.Direction.Shed ? scaled.divDown(3600) : scaled.divUp(3600);
    }

    /// @notice Most energy that a power can turn over in a period, whole mWh, rounded down.
    function clampDown(uint256 capacityW, uint256 periodSeconds) internal pure returns (uint256) {
        return Rounding.divDown(capacityW * periodSeconds * 1000, 3600);
    }

    /// @notice `B - A` (Shed) or `A - B` (Absorb), kept within plus and minus `clampMilliWh`.
    function response(
        int256 baselineMilliWh,
        int256 meteredMilliWh,
        Flex.Direction direction,
        uint256 clampMilliWh
    ) internal pure returns (int256) {
        int256 limit = int256(clampMilliWh);
        // Energies have at most 128 bits and a clamp fewer.
        unchecked {
            int256 raw = direction == Flex.Direction.Shed ? baselineMilliWh - meteredMilliWh : meteredMilliWh - baselineMilliWh;
            if (raw > limit) return limit;
            return raw < -limit ? -limit : raw;
        }
    }

    /// @notice Sum of responses, mWh, from the total of a column `3600 * response + 1000 * capacityW * T`; exact.
    function responseFromColumn(uint256 column, uint256 capacityW, uint256 periodSeconds) internal pure returns (int256) {
        // A column has at most 128 bits, and a sum of capacities 64.
        unchecked {
            return (int256(column) - int256(capacityW * periodSeconds * 1000)).divDown(3600);
        }
    }

    /// @notice What the portfolio's connections metered together, mWh, from the total of a column `1000 * connectionW * T - 3600 * A` (Shed) or
    /// `+` (Absorb); the rounding of silent places goes against the provider: up for Shed, down for Absorb.
    function meteredFromColumn(
        uint256 column,
        uint256 connectionW,
        uint256 periodSeconds,
        Flex.Direction direction
    ) internal pure returns (int256) {
        int256 full = int256(connectionW * periodSeconds * 1000);
        return direction == Flex.Direction.Shed ? (full - int256(column)).divUp(3600) : (int256(column) - full).divDown(3600);
    }
}
