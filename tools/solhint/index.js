"use strict";

// solhint calls the methods of a rule that are named after a node of the syntax tree.

/** Names say whose error it is and what was wrong; values say why, and Brownie misreads an error without any. */
class ErrorNames {
  constructor(reporter) {
    this.ruleId = "error-names";
    this.reporter = reporter;
  }

  CustomErrorDefinition(node) {
    if (!/^[A-Z][A-Za-z0-9]*_[A-Z][A-Za-z0-9]*$/.test(node.name)) {
      this.reporter.error(node, this.ruleId, `Error '${node.name}' is not named Contract_Condition`);
    }
    if (node.parameters.length === 0) {
      this.reporter.error(node, this.ruleId, `Error '${node.name}' carries no value`);
    }
  }
}

/** What changes state is documented where it is declared, on the interface; contracts inherit it. */
class InterfaceNotice {
  constructor(reporter, _config, source) {
    this.ruleId = "interface-notice";
    this.reporter = reporter;
    this.source = source;
  }

  ContractDefinition(contract) {
    if (contract.kind !== "interface") return;
    for (const node of contract.subNodes) {
      if (node.type !== "FunctionDefinition" || ["view", "pure"].includes(node.stateMutability)) continue;
      const above = this.source.slice(0, node.range[0]);
      const comment = /(?:^[ \t]*\/\/\/.*\n)+[ \t]*(?![^])/m.exec(above) ?? /\/\*\*(?:[^*]|\*(?!\/))*\*\/\s*$/.exec(above);
      if (!/@(notice|inheritdoc)\b/.test(comment?.[0] ?? "")) {
        this.reporter.error(node, this.ruleId, `Function '${contract.name}.${node.name}' has no @notice`);
      }
    }
  }
}

/** solhint's own rule goes by the name alone, and a contract here has a function `call`; a low-level one takes only bytes. */
class LowLevelCall {
  constructor(reporter) {
    this.ruleId = "low-level-call";
    this.reporter = reporter;
  }

  FunctionCall(node) {
    const callee = node.expression.type === "NameValueExpression" ? node.expression.expression : node.expression;
    if (callee.type !== "MemberAccess" || node.arguments.length > 1) return;
    if (["call", "delegatecall", "staticcall"].includes(callee.memberName)) {
      this.reporter.error(node, this.ruleId, `Low-level ${callee.memberName}`);
    }
  }
}

module.exports = [ErrorNames, InterfaceNotice, LowLevelCall];
