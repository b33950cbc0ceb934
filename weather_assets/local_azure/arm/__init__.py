"""The calls of Azure Resource Manager that serve Azure ML online endpoints."""
